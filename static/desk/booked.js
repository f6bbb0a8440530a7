/** Booked: the number, how far the booking has got, taking it back, and the end of the call. */

import { flushRemark } from "./card.js";
import { alarm, calm, find, isFocusFree, make, say } from "./elements.js";
import { flush } from "./notes.js";
import { serverNow } from "./server.js";
import { act, state, watch } from "./state.js";
import { length, moment, momentForBoth, money, time } from "./words.js";

const SYSTEMS = { calendly: "Calendly", outlook: "Outlook", medirecords: "MediRecords", email: "E-mail" };
const STANDINGS = {
    pending: ["Waiting", ""],
    sending: ["Sending", "info"],
    synced: ["Synced", "ok"],
    retrying: ["Retrying", "waiting"],
    needs_person: ["Needs help", "bad"],
};

const undoButton = find("#undo");
const dialog = find("#undo-dialog");
let isLeaving = false;

export function startBooked() {
    if (!find("#booked")) return;
    find("#done").addEventListener("click", finish);
    undoButton.addEventListener("click", askToUndo);
    find("#undo-not").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", undo);
    setInterval(drawUndo, 1000);
    watch((now, former) => {
        const isNew = now.booking && (!former.booking || now === former);
        const mayMove = isFocusFree(find("#agree"));
        find("#booked").hidden = now.booking === null;
        drawOwed(now);
        if (now.booking) draw(now.booking);
        else if (dialog.open) dialog.close();
        drawUndo();
        if (isNew && mayMove) find("#done").focus();
    });
}

export async function finish() {
    if (isLeaving) return;
    isLeaving = true;
    try {
        await flush();
        if (!(await flushRemark())) {
            isLeaving = false;
            find("#remark").focus();
            alarm("Your remark is not saved yet. See what stands below it.");
            return;
        }
        const next = state.ending?.next?.address ?? find("#today").href;
        await act("wrap_up", { outcome: "booked" });
        location.assign(next);
    } catch (error) {
        isLeaving = false;
        alarm(error.message);
    }
}

function askToUndo() {
    const { giveBack } = state.ending;
    find("#undo-money").hidden = !giveBack;
    find("#undo-money").textContent = giveBack ? paidWords(giveBack, state.ending) : "";
    dialog.showModal();
    find("#undo-not").focus();
}

function paidWords(amount, { isPaidOnline }) {
    const how = isPaidOnline
        ? "Operations decide what is given back online."
        : "Give it back on the terminal, and operations note its slip.";
    return `${money(amount)} was paid. ${how}`;
}

/** What is still to be given back for visits that were undone: it stands there until it is. */
function drawOwed({ owed }) {
    find("#owed").hidden = owed.length === 0;
    const text = owed.map((each) => `${each.number} is undone. ${paidWords(each.amount, each)}`).join(" ");
    if (find("#owed").textContent !== text) find("#owed").textContent = text;
}

/** Take the booking back; the call goes on where it was. */
async function undo(event) {
    event.preventDefault();
    const { number } = state.booking;
    dialog.close();
    find("#notes").focus();
    try {
        await flushRemark();
        await act("undo");
        calm();
        say(`${number} is undone. The patient gets an e-mail.`);
    } catch (error) {
        alarm(error.message);
    }
}

function drawUndo() {
    const until = state.ending?.undoUntil;
    const seconds = until ? (Date.parse(until) - serverNow()) / 1000 : 0;
    const hadFocus = undoButton === document.activeElement;
    undoButton.hidden = seconds <= 0;
    find("#undo-left").textContent = length(Math.ceil(seconds));
    if (seconds > 0) return;
    if (dialog.open) dialog.close();
    if (hadFocus) find("#done").focus();
}

/** Why a system does not know the booking yet, and when it goes on, where that is not at once. */
function whyOf({ problem, nextTryAt }) {
    if (!problem) return "";
    const isLater = nextTryAt && Date.parse(nextTryAt) > serverNow() + 60_000;
    return isLater ? `${problem} Next try ${moment(nextTryAt)}.` : problem;
}

function draw(booking) {
    find("#number").textContent = booking.number;
    const facts = [
        ["When", momentForBoth(booking.startsAt)],
        ["With", booking.practitioner],
        ["What", booking.appointment],
        ["Payment", booking.payment],
    ];
    find("#visit").replaceChildren(...facts.flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]));
    const rows = booking.systems.map((system) => {
        const [word, usual] = STANDINGS[system.state];
        const tone = system.state === "pending" && system.problem ? "waiting" : usual;
        const name = make("span", { textContent: SYSTEMS[system.system] });
        const standing = make("span", {}, make("span", { className: `badge ${tone}`, textContent: word }));
        return make("li", {}, name, standing, make("small", { className: "muted", textContent: whyOf(system) }));
    });
    find("#systems").replaceChildren(...rows);
    const isLeft = state.isOwn && state.state === "wrap_up";
    const next = state.ending?.next;
    find("#done").hidden = find("#next").hidden = !isLeft;
    find("#done").textContent = next ? "Done, next call" : "Done";
    find("#next").textContent = next ? `Next: ${time(next.dueAt)} ${next.name}` : "No other call waits today.";
}
