/** Booking: the held time with its countdown, the payment, the confirmation. */

import { alarm, calm, find, findAll, isFocusFree, say } from "./elements.js";
import { Refused, serverNow } from "./server.js";
import { act, isOpen, look, state, take, watch } from "./state.js";
import { chosenType, load, onHold, typeInput } from "./times.js";
import { doubt, length, momentForBoth, money } from "./words.js";

const TAKEN = "That time was just taken. Offer one of these:";
const NONE_LEFT = "That time was just taken, and no other is free in the next two weeks.";

const confirmButton = find("#confirm");
const payments = findAll('input[name="payment"]');
const typesOfHolds = new Map();
let asked = null; // a time that is being held, before the portal has answered
let isConfirming = false;
let letGoOn = null;
let warnedOf = null;

const payment = () => payments.find((input) => input.checked)?.value ?? "";
const priceOf = (type) => typeInput(type)?.dataset.price ?? "";
const isFree = (type) => Number(priceOf(type)) === 0;
const isPaid = (time) => payment() !== "" || isFree(time.type);

export function startBooking() {
    if (!confirmButton) return;
    onHold(hold);
    find("#keep").addEventListener("click", keep);
    find("#let-go").addEventListener("click", letGo);
    find("#payment").addEventListener("change", draw);
    find("#payment").addEventListener("keydown", (event) => enter(event, () => (event.target.checked = true)));
    find("#reference").addEventListener("keydown", (event) => enter(event));
    confirmButton.addEventListener("click", confirm);
    find("#types").addEventListener("change", draw);
    watch((now, former) => {
        noteEndOfHold(now, former);
        draw();
    });
    setInterval(drawCountdown, 1000);
}

function enter(event, choose = () => {}) {
    if (event.key !== "Enter" || event.ctrlKey) return;
    event.preventDefault();
    choose();
    draw();
    confirmButton.focus();
}

/** The time that the call keeps, with what it is kept for. */
function heldTime() {
    if (!state.hold || !isOpen()) return null;
    const { id, fits, practitionerId, practitioner, room, lapsesAt } = state.hold;
    const type = typesOfHolds.get(id) ?? chosenType();
    const fit = fits.find((each) => each.type === type) ?? (fits.length === 1 ? fits[0] : null);
    const startsAt = (fit ?? fits[0])?.startsAt;
    return { id, practitionerId, name: practitioner, room, lapsesAt, type: fit?.type ?? "", startsAt };
}

export const isHolding = () => asked !== null || heldTime() !== null;
export const isAgreed = () => heldTime() !== null && isPaid(heldTime());

/** Go to the payment, or past it where there is nothing to pay. */
export function focusPayment() {
    const time = asked ?? heldTime();
    if (time && isFree(time.type)) confirmButton.focus();
    else (payments.find((input) => input.checked) ?? payments[0]).focus();
}

/** Keep a time at the portal; the focus goes on at once. */
export async function hold(time) {
    if (asked || isConfirming) return;
    if (time.isHeld) {
        focusPayment();
        return;
    }
    asked = time;
    calm();
    draw();
    focusPayment();
    try {
        await act("hold", { practitionerId: time.practitionerId, type: time.type, startsAt: time.startsAt });
        typesOfHolds.set(state.hold.id, time.type);
        say(`Held ${describe(time)}. Choose how it is paid.`);
    } catch (error) {
        refuse(error, time);
    } finally {
        asked = null;
        draw();
        load({ isQuiet: true });
    }
}

/** Tell why a time could not be had, and offer what can be had instead. */
function refuse(error, time) {
    const mayMove = isFocusFree(find("#book"));
    if (error.code !== "slot_taken") {
        alarm(error instanceof Refused ? error.message : "The portal did not answer: the time is not held. Try again.");
        return;
    }
    const others = error.body.alternatives ?? [];
    const first = alarm(
        others.length ? TAKEN : NONE_LEFT,
        others.map(({ practitionerId, practitionerName, time: startsAt }) => ({
            label: `${momentForBoth(startsAt)} ${practitionerName}`,
            run: () => hold({ practitionerId, name: practitionerName, startsAt, type: time.type }),
        })),
    );
    if (mayMove) first?.focus();
}

async function keep() {
    try {
        await act("keep");
        say("Kept for longer.");
    } catch (error) {
        alarm(error.message);
        await look();
    }
}

async function letGo() {
    letGoOn = state.hold?.id;
    find("#step-5").focus();
    try {
        await act("let_go");
        say("The time was let go.");
        load({ isQuiet: true });
    } catch (error) {
        letGoOn = null;
        alarm(error.message);
    }
}

/** A hold that is gone without our doing ran out; all choices stay. */
function noteEndOfHold(now, former) {
    const gone = former.hold;
    if (!gone || now.hold || now.booking || now.state === "done" || gone.id === letGoOn || asked) return;
    if (Date.parse(gone.lapsesAt) > serverNow() + 1500) return; // let go in another window
    const type = typesOfHolds.get(gone.id) ?? chosenType();
    const fit = gone.fits.find((each) => each.type === type) ?? gone.fits[0];
    if (!fit) return;
    const time = { practitionerId: gone.practitionerId, name: gone.practitioner, ...fit };
    const text = `The hold on ${describe(time)} ran out. Nothing was charged. Hold it again if it is still free.`;
    const again = alarm(text, [{ label: "Hold it again", run: () => hold(time) }]);
    if (isFocusFree(find("#book"))) again.focus();
    load({ isQuiet: true });
}

export async function confirm() {
    const time = heldTime();
    if (isConfirming || !time) return;
    if (!time.type) return say("Choose the appointment that the time is held for.");
    if (!isPaid(time)) return focusPayment();
    isConfirming = true;
    calm();
    draw();
    try {
        const { practitionerId, type, startsAt } = time;
        const reference = payment() === "card" ? find("#reference").value.trim() : "";
        const money = { payment: payment() || "later", reference, amount: priceOf(type) };
        await act("confirm", { practitionerId, type, startsAt, ...money });
        say(`Booked. Number ${state.booking.number}.`);
    } catch (error) {
        if (error.code === "wrong_amount") notePrice(time.type, error.body.expectedAmount);
        else if (error instanceof Refused) refuse(error, time);
        else alarm("The portal did not answer. Whether the booking was made will show here; nothing is booked twice.");
        look();
    } finally {
        isConfirming = false;
        draw();
    }
}

/** The price book changed since the page was opened: nothing is booked at a price that was not said. */
function notePrice(type, amount) {
    typeInput(type).dataset.price = amount.toFixed(2);
    typeInput(type).parentElement.querySelector("b").textContent = money(amount.toFixed(2));
    alarm(`The price is ${money(amount.toFixed(2))} now. Tell the patient, then confirm again.`);
}

const describe = (time) => `${momentForBoth(time.startsAt)} with ${time.name}`;

function draw() {
    const held = heldTime();
    const { booking } = state;
    find("#book").dataset.state = booking ? "booked" : held || asked ? "held" : "none";
    find("#book").hidden = booking === null && !isOpen();
    find("#agree").hidden = booking !== null;
    if (booking) return;
    drawSummary(held);
    find("#held").hidden = !held || asked !== null;
    find("#payment").disabled = !isOpen();
    const isReady = held !== null && asked === null && held.type !== "" && isPaid(held) && !isConfirming;
    confirmButton.setAttribute("aria-disabled", String(!isReady));
    confirmButton.firstChild.data = isConfirming ? "Booking… " : "Confirm booking ";
    drawCountdown();
}

function drawSummary(held) {
    const time = asked ?? held;
    const price = find("#price");
    const type = time?.type || chosenType();
    price.hidden = !type;
    price.textContent = type ? (isFree(type) ? "Nothing to pay" : money(priceOf(type))) : "";
    find("#payment").hidden = type !== "" && isFree(type);
    find("#receipt").hidden = payment() !== "card" || find("#payment").hidden;
    find("#summary").textContent = summaryOf(time);
    const words = held && !asked ? doubt(state.hold, serverNow()) : "";
    find("#doubt").hidden = !words;
    find("#doubt").textContent = words ? `${held.name}: ${words}. The time may be taken there.` : "";
}

function summaryOf(time) {
    if (!time) return "No time held yet.";
    if (!time.type) return `${describe(time)} is held. Choose the appointment that it is for.`;
    const words = [momentForBoth(time.startsAt), time.name, typeInput(time.type)?.dataset.name, time.room];
    return `${asked ? "Holding " : ""}${words.filter(Boolean).join(" · ")}`;
}

function drawCountdown() {
    const held = heldTime();
    if (!held) return;
    const seconds = (Date.parse(held.lapsesAt) - serverNow()) / 1000;
    find("#countdown").textContent = length(Math.ceil(seconds));
    find("#held").classList.toggle("low", seconds <= 60);
    if (seconds <= 60 && seconds > 0 && warnedOf !== held.lapsesAt) {
        warnedOf = held.lapsesAt;
        say("The held time runs out in one minute.");
    }
    if (seconds <= 0) take({ ...state, hold: null });
}
