/**
 * What is typed saves itself.
 *
 * `base` is what the server had when we last heard of it. A field that differs from it is ours to send; when the
 * server's text differs from it as well, somebody else wrote meanwhile: both texts stand side by side and nothing is
 * sent until one of them is chosen.
 */

import { actionButton, alarm, calm, find, findAll, make, say } from "./elements.js";
import { Refused, postAndLeave, serverNow } from "./server.js";
import { act, isWritable, state, watch, watchNet } from "./state.js";
import { time } from "./words.js";

const PAUSE_SECONDS = 0.8;
const RETRY_SECONDS = 3;

const fields = {
    notes: textField(find("#notes")),
    primaryConcern: textField(find("#concern")),
    recommendedService: choiceField("service"),
};
const names = Object.keys(fields);
const conflicts = new Set();
const others = [];
let base = null;
let timer = null;
let isSaving = false;
let saving = Promise.resolve();
let isOffline = false;
let problem = "";
let savedAt = null;

function textField(element) {
    return { read: () => element.value, write: (text) => (element.value = text) };
}

function choiceField(name) {
    const inputs = findAll(`input[name="${name}"]`);
    let unlisted = ""; // a service that was recommended and is not offered any more
    return {
        read: () => inputs.find((input) => input.checked)?.value ?? unlisted,
        write: (value) => {
            for (const input of inputs) input.checked = input.value === value;
            unlisted = value;
        },
        describe: (value) => inputs.find((input) => input.value === value)?.parentElement.textContent ?? value,
    };
}

/** Give what the server has as the page's boxes give it back, or every line's end would count as a change. */
function asInBoxes(written) {
    const lines = (text) => text.replaceAll("\r\n", "\n");
    return { ...written, notes: lines(written.notes), primaryConcern: lines(written.primaryConcern) };
}

export function startNotes() {
    if (!state.written) return;
    base = asInBoxes(state.written);
    for (const name of names) fields[name].write(base[name]);
    for (const place of ["#notes", "#concern", "#services"]) find(place).addEventListener("input", typed);
    watch((now) => now.written && !isSaving && meet(now.written));
    watchNet(noteNet);
    addEventListener("pagehide", leave);
    addEventListener("beforeunload", (event) => (isOffline || conflicts.size) && isDirty() && event.preventDefault());
    addEventListener("online", () => isDirty() && startSaving());
    drawBadge();
}

const differing = () => names.filter((name) => fields[name].read() !== base[name]);
const unsaved = () => differing().filter((name) => !conflicts.has(name));
const isDirty = () => isWritable() && differing().length > 0;

function typed() {
    if (problem) calm();
    problem = "";
    saveIn(PAUSE_SECONDS);
    drawBadge();
}

function saveIn(seconds) {
    clearTimeout(timer);
    timer = setTimeout(startSaving, seconds * 1000);
}

function startSaving() {
    clearTimeout(timer);
    if (!isSaving) saving = save();
    return saving;
}

/** Save what is not saved yet before the call ends. */
export async function flush() {
    await saving;
    await startSaving();
    for (const other of others) await other.flush();
}

function changesOf(dirty) {
    const changes = { version: base.version };
    for (const name of dirty) changes[name] = fields[name].read();
    if (changes.recommendedService === "") changes.recommendedService = null;
    return changes;
}

async function save() {
    const dirty = unsaved();
    if (!dirty.length || !isWritable()) return;
    const sent = Object.fromEntries(dirty.map((name) => [name, fields[name].read()]));
    isSaving = true;
    drawBadge();
    try {
        await act("write", changesOf(dirty));
        base = { ...base, ...sent };
        savedAt = serverNow();
        isSaving = false;
        meet(state.written);
    } catch (error) {
        isSaving = false;
        if (error.code === "stale_version") meet(error.body.written);
        else if (error instanceof Refused) complain(error.message);
        else return saveIn(RETRY_SECONDS);
    }
    if (unsaved().length && !problem) saveIn(PAUSE_SECONDS);
    drawBadge();
}

/** Take what the server has now: over what we left alone, beside what we changed too. */
function meet(written) {
    if (written.version < base.version) return;
    const theirs = asInBoxes(written);
    for (const name of names) {
        const own = fields[name].read();
        if (theirs[name] === base[name]) continue;
        if (own === base[name]) fields[name].write(theirs[name]);
        else if (own !== theirs[name]) contest(name, theirs[name]);
    }
    base = theirs;
    for (const name of conflicts) if (fields[name].read() === base[name]) settle(name);
    drawBadge();
}

function contest(name, theirs) {
    const shown = fields[name].describe?.(theirs) ?? theirs;
    const box = find(`[data-conflict="${name}"]`);
    box.replaceChildren(
        make("p", { textContent: "Somebody else changed this meanwhile. Their text:" }),
        make("blockquote", { textContent: shown || "(nothing)" }),
        make(
            "div",
            { className: "row" },
            actionButton("Keep mine", () => resolve(name)),
            actionButton("Take theirs", () => resolve(name, base[name])),
        ),
    );
    box.hidden = false;
    conflicts.add(name);
    say("Somebody else changed this call meanwhile. Their text stands beside yours.");
}

function resolve(name, text) {
    if (text !== undefined) fields[name].write(text);
    settle(name);
    (name === "notes" ? find("#notes") : find("#concern")).focus();
    drawBadge();
    startSaving();
}

function settle(name) {
    conflicts.delete(name);
    find(`[data-conflict="${name}"]`).hidden = true;
}

function complain(message) {
    problem = message;
    alarm(`Not saved. ${message}`);
}

function noteNet(isUp) {
    const wasOffline = isOffline;
    isOffline = !isUp;
    if (wasOffline && isUp && unsaved().length) saveIn(0);
    if (wasOffline !== isOffline) {
        say(isUp ? "Connected again." : "Offline. What you type is kept and saved on return.");
        drawBadge();
    }
}

function leave() {
    const dirty = unsaved();
    if (dirty.length && isWritable()) postAndLeave("write", changesOf(dirty));
}

/** Let the badge tell of what else saves itself, and have it saved before the call ends. */
export function savesToo(source) {
    others.push(source);
    drawBadge();
}

export function drawBadge() {
    const badge = find("#saved");
    const [word, tone] = standing();
    badge.hidden = !word;
    badge.textContent = word;
    badge.className = `badge ${tone}`;
}

function standing() {
    if (isOffline) return ["Offline, will retry", "bad"];
    if (!isWritable()) return ["", ""];
    if (conflicts.size) return ["Two texts: choose one", "bad"];
    if (problem || others.some((other) => other.isProblem())) return ["Not saved", "bad"];
    if (isSaving || others.some((other) => other.isSaving())) return ["Saving", ""];
    if (unsaved().length || others.some((other) => other.isDirty())) return ["Not saved yet", "waiting"];
    return [savedAt ? `Saved ${time(savedAt)}` : "Saved", "ok"];
}
