/** Booking: how the held time is paid, and the confirmation. */

import { keep, kept } from "./address.js";
import { alarm, calm, find, findAll, say } from "./elements.js";
import { askedTime, chosenTime, refuse, startHolds } from "./holds.js";
import { Refused } from "./server.js";
import { act, isOpen, look, state, watch } from "./state.js";
import { chosenType, typeInput } from "./times.js";
import { momentForBoth, money } from "./words.js";

const UNSURE = "The portal did not answer. Whether the booking was made will show here; nothing is booked twice.";

const confirmButton = find("#confirm");
const payments = findAll('input[name="payment"]');
const reference = find("#reference");
const otherPrice = find("#other-price");
const otherAmount = find("#other-amount");
const otherReason = find("#other-reason");
let isConfirming = false;
let isUnsure = false;
let wasTooEarly = false; // the confirmation was asked for before all was there

const payment = () => payments.find((input) => input.checked)?.value ?? "";
const bookPrice = (type) => typeInput(type)?.dataset.price ?? "";
const isOther = () => otherPrice?.getAttribute("aria-expanded") === "true";
const priceOf = (type) => (isOther() ? otherAmount.value.trim() : bookPrice(type));
const isFree = (type) => !isOther() && Number(bookPrice(type)) === 0;

export function startBooking() {
    if (!confirmButton) return;
    startHolds({ next: focusPayment, changed: draw });
    find("#payment").addEventListener("change", (event) => choosePayment(event.target));
    find("#payment").addEventListener("keydown", (event) => enter(event, () => choosePayment(event.target)));
    for (const input of [reference, otherAmount, otherReason].filter(Boolean)) {
        input.addEventListener("input", draw);
        input.addEventListener("keydown", (event) => enter(event));
    }
    otherPrice?.addEventListener("click", toggleOther);
    for (const input of payments) input.checked = isOpen() && input.value === kept("payment");
    confirmButton.addEventListener("click", confirm);
    find("#types").addEventListener("change", draw);
    watch((now, former) => {
        if (isUnsure && now.booking) {
            isUnsure = false;
            calm();
        }
        if (now.booking && !former.booking) forgetPayment();
        if (former.booking?.isPaymentDue && now.booking?.isPaymentDue === false) say("The visit is paid.");
        draw();
    });
}

function choosePayment(input) {
    input.checked = true;
    keep({ payment: input.value });
    draw();
}

/** Enter takes what is typed or chosen and goes on to what is missing, or to the confirmation. */
function enter(event, choose = () => {}) {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    choose();
    draw();
    (missing()?.field ?? confirmButton).focus();
}

function toggleOther() {
    const isOpening = !isOther();
    otherAmount.value = otherReason.value = "";
    otherPrice.setAttribute("aria-expanded", String(isOpening));
    otherPrice.textContent = isOpening ? "Usual price" : "Other price";
    find("#other").hidden = !isOpening;
    draw();
    if (isOpening) otherAmount.focus();
}

/** A receipt settles one booking: when that is undone, the next one needs its own. */
function forgetPayment() {
    for (const input of payments) input.checked = false;
    keep({ payment: "" });
    reference.value = "";
    if (isOther()) toggleOther();
}

/** What is still needed before the held time can be booked, and where it is typed; nothing when all is there. */
function missing() {
    const time = chosenTime();
    if (!time) return { words: "Hold a time first.", field: null };
    const input = typeInput(time.type);
    if (!input || input.disabled) return { words: "This appointment is no longer offered. Let the time go.", field: null };
    if (isOther() && !/^\d{1,6}([.,]\d{1,2})?$/.test(otherAmount.value.trim())) {
        return { words: "Type the price.", field: otherAmount };
    }
    if (isOther() && !otherReason.value.trim()) return { words: "Say why another price.", field: otherReason };
    if (isFree(time.type)) return null;
    if (!payment()) return { words: "Choose how it is paid.", field: payments[0] };
    if (payment() === "card" && !reference.value.trim()) {
        return { words: "Type the terminal's receipt number.", field: reference };
    }
    return null;
}

export const isAgreed = () => chosenTime() !== null && missing() === null;

/** Go to what is missing before the confirmation; where nothing is, to the payment, or past it where there is none. */
export function focusPayment() {
    const time = askedTime() ?? chosenTime();
    const field = askedTime() ? null : missing()?.field;
    if (field) field.focus();
    else if (time && isFree(time.type)) confirmButton.focus();
    else (payments.find((input) => input.checked) ?? payments[0]).focus();
}

export async function confirm() {
    const time = chosenTime();
    if (isConfirming || askedTime() || !time) return;
    const needed = missing();
    if (needed) {
        wasTooEarly = true;
        draw();
        say(needed.words);
        needed.field?.focus();
        return;
    }
    isConfirming = true;
    calm();
    draw();
    try {
        await act("confirm", agreedOn(time));
        say(`Booked. Number ${state.booking.number}.`);
    } catch (error) {
        explain(error, time);
        look();
    } finally {
        isConfirming = false;
        draw();
    }
}

function agreedOn({ practitionerId, type, startsAt }) {
    return {
        practitionerId,
        type,
        startsAt,
        payment: payment() || "later",
        reference: payment() === "card" ? reference.value.trim() : "",
        amount: priceOf(type).replace(",", "."),
        amountReason: isOther() ? otherReason.value.trim() : "",
    };
}

function explain(error, time) {
    if (!(error instanceof Refused)) {
        isUnsure = true;
        alarm(UNSURE);
    } else if (error.code === "wrong_amount" && !isOther()) {
        notePrice(time.type, error.body.expectedAmount);
    } else {
        refuse(error, time);
    }
    if (error.code === "reference_needed") reference.focus();
}

/** The price book changed since the page was opened: nothing is booked at a price that was not said. */
function notePrice(type, amount) {
    typeInput(type).dataset.price = amount.toFixed(2);
    typeInput(type).parentElement.querySelector("b").textContent = money(amount.toFixed(2));
    alarm(`The price is ${money(amount.toFixed(2))} now. Tell the patient, then confirm again.`);
}

function draw() {
    const held = chosenTime();
    const { booking } = state;
    find("#book").dataset.state = booking ? "booked" : held || askedTime() ? "held" : "none";
    find("#book").hidden = booking === null && !isOpen();
    find("#agree").hidden = booking !== null;
    if (booking) return;
    drawSummary(held);
    find("#payment").disabled = !isOpen();
    const needed = missing();
    const isReady = needed === null && askedTime() === null && !isConfirming;
    confirmButton.setAttribute("aria-disabled", String(!isReady));
    confirmButton.firstChild.data = isConfirming ? "Booking… " : "Confirm booking ";
    wasTooEarly &&= needed !== null && held !== null;
    find("#needed").textContent = needed?.words ?? "";
    find("#needed").hidden = !wasTooEarly;
}

function drawSummary(held) {
    const time = askedTime() ?? held;
    const price = find("#price");
    const type = time?.type || chosenType();
    price.hidden = !type || isOther();
    price.textContent = type ? (isFree(type) ? "Nothing to pay" : money(bookPrice(type))) : "";
    if (otherPrice) otherPrice.hidden = !held;
    find("#payment").hidden = type !== "" && isFree(type);
    find("#receipt").hidden = payment() !== "card" || find("#payment").hidden;
    find("#summary").textContent = summaryOf(time);
}

function summaryOf(time) {
    if (!time) return "No time held yet.";
    const words = [momentForBoth(time.startsAt), time.name, typeInput(time.type)?.dataset.name, time.room];
    return `${askedTime() ? "Holding " : ""}${words.filter(Boolean).join(" · ")}`;
}
