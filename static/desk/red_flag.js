/** Red flags: what stops the call, whom it was brought to, and raising one by hand. */

import { openEnding } from "./ending.js";
import { alarm, find, say } from "./elements.js";
import { Refused, serverNow } from "./server.js";
import { act, isOpen, state, watch } from "./state.js";
import { length } from "./words.js";

const dialog = find("#raising");

export function startRedFlags() {
    if (!find("#stop")) return;
    find("#stop-end").addEventListener("click", openEnding);
    find("#escalate").addEventListener("click", escalate);
    find("#raise")?.addEventListener("click", open);
    find("#raising-back").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", raise);
    watch(draw);
    setInterval(drawStanding, 1000);
}

function draw(now, former) {
    const flags = now.redFlags ?? [];
    const isUp = flags.length > 0;
    const isNews = isUp && !(former.redFlags ?? []).length;
    find("#stop").hidden = !isUp;
    if (find("#raise")) find("#raise").hidden = !isOpen();
    if (!isUp) {
        if ((former.redFlags ?? []).length) say("The red flag was cleared. The call can go on.");
        return;
    }
    find("#stop-words").textContent = flags.map((flag) => flag.words).join("; ");
    find("#stop-end").hidden = !isOpen();
    find("#escalate").hidden = find("#clinician").hidden = !isOpen();
    find("#escalate").textContent = flags.some((flag) => flag.escalatedTo) ? "Bring it to them again" : "Bring it to them";
    drawStanding();
    if (isNews && isOpen()) find("#stop-end").focus();
}

/** Tell how far a clinician is; the time to answer is counted down. */
function drawStanding() {
    const [flag] = (state.redFlags ?? []).filter((each) => each.escalatedTo);
    const line = find("#stop-standing");
    if (!flag) {
        line.textContent = state.redFlags?.length ? "No clinician was told yet." : "";
        return;
    }
    const left = (Date.parse(flag.answerBy) - serverNow()) / 1000;
    if (flag.acknowledgedBy) line.textContent = `${flag.acknowledgedBy} looks after it.`;
    else if (left > 0) line.textContent = `Brought to ${flag.escalatedTo}, who has ${length(Math.ceil(left))} to answer.`;
    else line.textContent = `${flag.escalatedTo} has not answered in time. Ring somebody.`;
}

async function escalate() {
    try {
        await act("escalate", { clinicianId: find("#clinician").value || null });
        say("The clinician was told.");
    } catch (error) {
        alarm(error.message);
    }
}

function open() {
    find("#raising-problem").hidden = true;
    find("#raising-words").value = "";
    dialog.showModal();
}

async function raise(event) {
    event.preventDefault();
    try {
        await act("red_flag", { words: find("#raising-words").value });
        dialog.close();
        find("#stop-end").focus();
    } catch (error) {
        const box = find("#raising-problem");
        box.textContent = error instanceof Refused ? error.message : "The portal did not answer. Try again.";
        box.hidden = false;
    }
}
