/** Booked: the number, how far the booking has got, and the end of the call. */

import { alarm, find, isFocusFree, make } from "./elements.js";
import { flush } from "./notes.js";
import { serverNow } from "./server.js";
import { act, state, watch } from "./state.js";
import { moment, momentForBoth } from "./words.js";

const SYSTEMS = { calendly: "Calendly", outlook: "Outlook", medirecords: "MediRecords", email: "E-mail" };
const STANDINGS = {
    pending: ["Waiting", ""],
    sending: ["Sending", "info"],
    synced: ["Synced", "ok"],
    retrying: ["Retrying", "waiting"],
    needs_person: ["Needs help", "bad"],
};

let isLeaving = false;

export function startBooked() {
    if (!find("#booked")) return;
    find("#done").addEventListener("click", finish);
    watch((now, former) => {
        const isNew = now.booking && (!former.booking || now === former);
        const mayMove = isFocusFree(find("#agree"));
        find("#booked").hidden = now.booking === null;
        if (now.booking) draw(now.booking);
        if (isNew && mayMove) find("#done").focus();
    });
}

export async function finish() {
    if (isLeaving) return;
    isLeaving = true;
    try {
        await flush();
        await act("wrap_up", { outcome: "booked" });
        location.assign(find("#today").href);
    } catch (error) {
        isLeaving = false;
        alarm(error.message);
    }
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
    find("#done").hidden = !(state.isOwn && state.state === "wrap_up");
}
