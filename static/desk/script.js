/**
 * The script: what was answered saves itself, one answer at a time.
 *
 * A question with answers to choose from has the focus as a whole until one is looked at with an arrow: a space that
 * was meant for the notes answers nothing, and a red flag is never raised on the way to the next answer.
 *
 * `base` is the answer that the portal had when we last heard of it. Where it changed there and here as well, both are
 * shown and nothing is sent until one of them is chosen.
 */

import { actionButton, alarm, find, findAll, make, say } from "./elements.js";
import { drawBadge, savesToo } from "./notes.js";
import { Refused, postAndLeave } from "./server.js";
import { act, isWritable, state, watch, watchNet } from "./state.js";
import { time } from "./words.js";

const PAUSE_SECONDS = 0.8;
const RETRY_SECONDS = 3;

const questions = new Map(findAll("[data-question]").map((place) => [place.dataset.question, questionAt(place)]));
let timer = null;
let saving = null;
let problem = "";

function questionAt(place) {
    const radios = [...place.querySelectorAll('input[type="radio"]')];
    const field = radios.length ? null : place.querySelector("input, textarea");
    const question = {
        code: place.dataset.question,
        place,
        group: place.querySelector("fieldset"),
        radios,
        field,
        base: { id: null, value: "" },
        theirs: null,
        read: () => (field ? field.value.trim() : (radios.find((radio) => radio.checked)?.value ?? "")),
        write: (value) => {
            if (field) field.value = value;
            else for (const radio of radios) radio.checked = radio.value === value;
        },
        focus: () => stopOf(question).focus(),
    };
    return question;
}

/** What of a question has the focus first: its field, the chosen answer, or all answers together. */
const stopOf = ({ field, radios, group }) => field ?? radios.find((radio) => radio.checked) ?? group;

const all = () => [...questions.values()];
const shown = () => all().filter((question) => !question.place.closest("[hidden]"));
const unanswered = () => shown().find((question) => !question.read());
const isDirty = (question) => question.read() !== question.base.value;
const unsaved = () => all().filter((question) => isDirty(question) && !question.theirs);

export function startScript() {
    if (!state.script) return;
    for (const question of all()) {
        question.place.addEventListener("input", () => typed(question));
        question.place.addEventListener("keydown", (event) => goOn(event, question));
        question.group?.addEventListener("keydown", (event) => lookAt(event, question));
        question.place.addEventListener("focusout", () => unsaved().length && saveIn(0));
    }
    find("#services").addEventListener("change", drawParts);
    savesToo({ isDirty: () => unsaved().length > 0, isSaving: () => saving !== null, isProblem: () => problem !== "", flush });
    watch((now) => {
        if (!saving) for (const given of now.script?.questions ?? []) meet(questions.get(given.code), given.answer);
        for (const question of all()) {
            lock(question);
            drawStop(question);
        }
        drawParts();
    });
    watchNet((isUp) => isUp && unsaved().length && !saving && saveIn(0));
    addEventListener("pagehide", () => isWritable() && unsaved().forEach((each) => postAndLeave("answer", sent(each))));
    addEventListener("beforeunload", (event) => all().some(isDirty) && isWritable() && event.preventDefault());
}

/** Where Alt+3 leads: the first question without an answer, or what is needed besides. */
export function firstUnanswered() {
    const next = unanswered();
    return next ? stopOf(next) : null;
}

function typed(question) {
    problem = "";
    saveIn(question.field ? PAUSE_SECONDS : 0);
    drawStop(question);
    drawProgress();
    drawBadge();
    if (question.theirs && question.read() === question.theirs.value) settle(question, question.theirs);
}

/** Arrows look at the answers without giving one; Space and Enter give the one that is looked at. */
function lookAt(event, { group, radios }) {
    if (event.target === group && event.key === " ") {
        event.preventDefault();
        say("Choose an answer with the arrow keys first.");
    }
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!steps || !isWritable()) return;
    event.preventDefault();
    const at = radios.indexOf(document.activeElement);
    const from = at < 0 && steps < 0 ? 0 : at;
    radios.at((from + steps) % radios.length).focus();
}

/** One tab stop for each question: the chosen answer, or all together. */
function drawStop({ group, radios, read }) {
    if (!group) return;
    const isGiven = read() !== "";
    group.tabIndex = isGiven || !isWritable() ? -1 : 0;
    for (const radio of radios) radio.tabIndex = isGiven ? 0 : -1;
}

function goOn(event, question) {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest(".desk-conflict")) return;
    event.preventDefault();
    if (event.target.type === "radio" && !event.target.checked) {
        event.target.checked = true;
        drawStop(question);
        drawProgress();
    }
    const rest = shown();
    const next = rest[rest.indexOf(question) + 1];
    if (next) next.focus();
    else find("#services input:checked")?.focus();
    saveIn(0);
}

function saveIn(seconds) {
    clearTimeout(timer);
    timer = setTimeout(() => save(), seconds * 1000);
}

async function flush() {
    clearTimeout(timer);
    while (saving) await saving;
    if (unsaved().length) await save();
}

function save() {
    if (saving || !isWritable()) return saving;
    saving = saveAll().finally(() => {
        saving = null;
        drawBadge();
    });
    drawBadge();
    return saving;
}

const sent = (question) => ({ code: question.code, value: question.read(), former: question.base.id });

async function saveAll() {
    for (let question; (question = unsaved()[0]); ) {
        const value = question.read();
        try {
            await act("answer", sent(question));
            const given = state.script.questions.find((each) => each.code === question.code);
            take(question, given.answer, value);
        } catch (error) {
            if (error.code === "stale_answer") contest(question, error.body.answer);
            else if (error instanceof Refused) {
                problem = error.message;
                alarm(`Not saved. ${error.message}`);
                return;
            } else {
                saveIn(RETRY_SECONDS);
                return;
            }
        }
    }
}

const asBase = (answer) => ({ id: answer?.id ?? null, value: answer?.value ?? "" });

function take(question, answer, own) {
    question.base = asBase(answer);
    if (question.base.value !== own && question.read() === own) question.write(question.base.value);
    drawSaid(question, answer);
}

/** Take what the portal has now, unless it was changed here too. */
function meet(question, answer) {
    if (!question) return;
    const theirs = asBase(answer);
    if (theirs.id === question.base.id) return drawSaid(question, answer);
    if (!isDirty(question) || question.read() === theirs.value) {
        question.base = theirs;
        question.write(theirs.value);
        settle(question);
        drawSaid(question, answer);
    } else contest(question, answer);
}

function contest(question, answer) {
    question.theirs = asBase(answer);
    const box = question.place.querySelector(".desk-conflict");
    const word = wordOf(question, question.theirs.value);
    box.replaceChildren(
        make("p", { textContent: `Answered meanwhile in another window: ${word || "nothing"}.` }),
        make(
            "div",
            { className: "row" },
            actionButton("Keep mine", () => {
                settle(question, question.theirs);
                question.focus();
                saveIn(0);
            }),
            actionButton("Take theirs", () => {
                question.write(question.theirs.value);
                drawStop(question);
                settle(question, question.theirs);
                question.focus();
            }),
        ),
    );
    box.hidden = false;
    say("This question was answered in another window meanwhile. Choose one of the answers.");
}

function settle(question, base = null) {
    if (base) question.base = base;
    question.theirs = null;
    question.place.querySelector(".desk-conflict").hidden = true;
    drawBadge();
}

function wordOf(question, value) {
    return question.radios.find((radio) => radio.value === value)?.parentElement.textContent ?? value;
}

/** Tell whose answer stands and since when, where it was changed before. */
function drawSaid(question, answer) {
    const line = question.place.querySelector("[data-said]");
    const isChanged = Boolean(answer?.isChanged);
    line.hidden = !isChanged;
    line.textContent = isChanged ? `Changed ${time(answer.at)}${answer.by ? ` by ${answer.by}` : ""}` : "";
}

function lock(question) {
    if (question.field) question.field.readOnly = !isWritable();
    for (const radio of question.radios) radio.disabled = !isWritable();
}

/** Show the questions of the service that is recommended. */
function drawParts() {
    const service = find("#services input:checked")?.value ?? "";
    for (const part of findAll(".desk-part[data-service]")) {
        part.hidden = part.dataset.service !== "" && part.dataset.service !== service;
    }
    drawProgress();
}

function drawProgress() {
    const asked = shown();
    const answered = asked.filter((question) => question.read()).length;
    const needed = asked.filter((question) => "needed" in question.place.dataset && !question.read()).length;
    const rest = needed ? `, ${needed} still needed` : "";
    find("#progress").textContent = asked.length ? `${answered} of ${asked.length}${rest}` : "";
}
