/** The hand-over card: what the practitioner will read, with a remark that saves itself. */

import { actionButton, find, make } from "./elements.js";
import { Refused, postAndLeave } from "./server.js";
import { act, watch } from "./state.js";
import { moment } from "./words.js";

const SAVE_AFTER_MILLISECONDS = 800;
const RETRY_AFTER_MILLISECONDS = 3000;

const field = find("#remark");
const standing = find("#remark-saved");
const conflict = find("#remark-other");
let base = ""; // the remark as the portal has it
let other = null; // what was written in another window meanwhile
let isUnheard = false; // the portal did not answer
let saving = null;
let timer = null;

const isDirty = () => field !== null && field.value !== base;

export function startCard() {
    if (!field) return;
    field.addEventListener("input", () => plan(SAVE_AFTER_MILLISECONDS));
    field.addEventListener("blur", () => save());
    addEventListener("pagehide", () => {
        if (isDirty() && other === null) postAndLeave("remark", { former: base, remark: field.value });
    });
    addEventListener("beforeunload", (event) => {
        if (isDirty() && (isUnheard || other !== null)) event.preventDefault();
    });
    watch(draw);
}

/** Save what was typed, and tell whether all of it is kept. */
export async function flushRemark() {
    if (!isDirty()) return true;
    await save();
    if (isDirty()) await save(); // typed while the first was on its way
    return !isDirty();
}

function plan(milliseconds) {
    clearTimeout(timer);
    if (other !== null) return;
    standing.textContent = isDirty() ? "Saving…" : "";
    timer = setTimeout(save, milliseconds);
}

function save() {
    clearTimeout(timer);
    if (!isDirty() || other !== null) return saving;
    saving ??= send().finally(() => (saving = null));
    return saving;
}

async function send() {
    const remark = field.value;
    try {
        await act("remark", { former: base, remark });
        base = remark;
        isUnheard = false;
        tell("Saved.");
        if (isDirty()) plan(SAVE_AFTER_MILLISECONDS);
    } catch (error) {
        isUnheard = !(error instanceof Refused);
        if (error.code === "other_remark") showOther(error.body.remark);
        else if (!isUnheard) tell(error.message, true);
        else {
            tell("Not saved yet: the portal does not answer. Trying again.", true);
            timer = setTimeout(save, RETRY_AFTER_MILLISECONDS);
        }
    }
}

function tell(text, isBad = false) {
    standing.textContent = text;
    standing.classList.toggle("problem", isBad);
}

/** Another window wrote something else: both stand here, and nothing is lost. */
function showOther(text) {
    other = text;
    tell("");
    const mine = actionButton("Keep mine", () => settle(field.value));
    const theirs = actionButton("Take this one", () => settle(other));
    const words = make("p", { textContent: "Written in another window meanwhile:" });
    conflict.replaceChildren(words, make("blockquote", { textContent: text || "(nothing)" }), mine, " ", theirs);
    conflict.hidden = false;
}

function settle(text) {
    field.focus();
    base = other;
    other = null;
    conflict.hidden = true;
    field.value = text;
    save();
}

function draw({ ending }) {
    const card = ending?.card;
    find("#card").hidden = !card;
    if (!card) return;
    const rows = card.lines.flatMap(([label, text]) => [make("dt", {}, label), make("dd", {}, text)]);
    find("#card-lines").replaceChildren(...rows);
    find("#card-empty").hidden = rows.length > 0;
    drawMark(card);
    field.readOnly = !card.canEdit;
    if (!isDirty() && other === null) field.value = base = card.remark;
}

function drawMark({ readAt }) {
    const mark = find("#card-read");
    mark.textContent = readAt ? `Read ${moment(readAt)}` : "Not read yet";
    mark.classList.toggle("ok", Boolean(readAt));
}
