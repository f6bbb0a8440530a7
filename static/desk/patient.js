/** The patient: identifiers that agree, details that are otherwise, consents, and who else it may be. */

import { ask, field, startAsking, tell } from "./asking.js";
import { actionButton, alarm, boot, find, findAll, make, say } from "./elements.js";
import { flush } from "./notes.js";
import { get } from "./server.js";
import { act, isOpen, isWritable, state, watch } from "./state.js";
import { date, time } from "./words.js";

const TONES = { agreed: "ok", refused: "bad", "": "waiting" };
const TYPES = { email: "email", phone: "tel", date_of_birth: "date" };
const ENOUGH = 3;

const ticks = findAll("[data-identifier]");
const list = find("#candidates");
const visits = find("#visits");
const forms = find("#forms");
let drawn = "";
let lookedUp = "";
let ticking = 0; // while ticks are on their way, an answer to an earlier one must not take them back

export function startPatient() {
    if (!state.patient) return;
    startAsking();
    for (const tick of ticks) {
        tick.addEventListener("change", identify);
        tick.addEventListener("keydown", (event) => tickAndGoOn(event, ticks, find("#read-out"), find("#change-details")));
    }
    for (const row of findAll("[data-field]")) {
        row.querySelector("[data-take]").addEventListener("click", () => decide(row, true));
        row.querySelector("[data-refuse]").addEventListener("click", () => decide(row, false));
    }
    find("#change-details").addEventListener("click", changeDetails);
    find("#another").addEventListener("click", askForAnother);
    find("#read-out").addEventListener("click", readOut);
    find("#unlink").addEventListener("click", unlink);
    watch((now) => now.patient && draw(now));
}

/** Where Alt+1 leads: to whom it may be, what agrees with them, and then to the consents. */
export function nextOfPatient() {
    if (!state.patient || !isWritable()) return null;
    const { isIdentified, consents } = state.patient;
    if (!isIdentified) return list.querySelector("button") ?? nextTick() ?? find("#change-details");
    return consents.some(({ answer, isRequired }) => isRequired && !answer) ? find("#read-out") : null;
}

const nextTick = (boxes = ticks) => boxes.find((box) => !box.checked && !box.disabled);

/** Enter ticks an identifier and goes on to the next one; after the third to what comes then, else to what is missing. */
function tickAndGoOn(event, boxes, after, missing = after) {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (!event.target.checked) event.target.click();
    const isEnough = boxes.filter((box) => box.checked).length >= ENOUGH;
    (isEnough ? after : (nextTick(boxes) ?? missing)).focus();
}

function draw(now) {
    for (const id of ["#change-details", "#read-out"]) find(id).hidden = !isWritable();
    find("#another").hidden = !isOpen();
    warn(now);
    const shown = JSON.stringify([now.patient, isWritable()]);
    if (shown === drawn) return;
    drawn = shown;
    drawDetails(now.patient);
    drawConsents(now.patient.consents);
    find("#linked").hidden = !(now.patient.isLinked && isWritable());
    find(".desk-bar h1").textContent = now.patient.name;
    lookUp(now.patient);
}

function drawDetails(patient) {
    const badge = find("#identified");
    badge.hidden = false;
    badge.className = `badge ${patient.isIdentified ? "ok" : "waiting"}`;
    badge.textContent = patient.isIdentified ? "Identified" : "Not identified";
    for (const tick of ticks) {
        const one = patient.identifiers.find(({ code }) => code === tick.dataset.identifier);
        tick.disabled = !(one.isRecorded && isWritable());
        if (!ticking) tick.checked = one.isChecked;
    }
    for (const row of findAll("[data-field]")) drawDetail(row, patient);
}

function drawDetail(row, patient) {
    const { shown, proposed } = patient.details[row.dataset.field];
    row.hidden = row.dataset.field === "time_zone" && shown === boot.clinicZone && !proposed;
    const value = row.querySelector("[data-value]");
    value.textContent = shown || "not known";
    value.classList.toggle("muted", !shown);
    row.querySelector(".desk-proposed").hidden = !proposed;
    row.querySelector("[data-proposed]").textContent = proposed ? `Proposed: ${proposed.shown}` : "";
    for (const button of row.querySelectorAll("button")) button.hidden = !(patient.isIdentified && isWritable());
}

function drawConsents(consents) {
    const said = consents.filter(({ answer, isRequired }) => answer || isRequired);
    const badges = said.map(({ kind, answer, isOld }) => {
        const word = answer ? `${kind} ${answer}${isOld ? " (older words)" : ""}` : `${kind} not asked`;
        return make("span", { className: `badge ${TONES[answer]}`, textContent: word });
    });
    find("#consents").replaceChildren(...badges);
}

/** What is missing is said before confirming; what was refused stops the booking at the portal. */
function warn(now) {
    const line = find("#consent-warning");
    if (!line) return;
    const needed = now.patient.consents.filter(({ isRequired }) => isRequired);
    const kinds = (answer) => needed.filter((one) => one.answer === answer).map(({ kind }) => kind.toLowerCase());
    const [refused, missing] = [kinds("refused"), kinds("")];
    line.hidden = !(isOpen() && now.holds.length && (refused.length || missing.length));
    line.className = `badge desk-consent-warning ${refused.length ? "bad" : "waiting"}`;
    line.textContent = refused.length
        ? `Consent refused: ${refused.join(", ")}. Without it nothing can be booked.`
        : `Consent not asked yet: ${missing.join(", ")}.`;
}

async function attempt(verb, body) {
    try {
        await act(verb, body);
    } catch (error) {
        drawn = "";
        draw(state); // what was ticked and not taken is not shown as taken
        alarm(error.message);
    }
}

async function identify() {
    const identifiers = ticks.filter((tick) => tick.checked).map((tick) => tick.dataset.identifier);
    const wasIdentified = state.patient.isIdentified;
    ticking += 1;
    try {
        await attempt("identify", { identifiers });
    } finally {
        ticking -= 1;
    }
    drawn = "";
    draw(state);
    if (!wasIdentified && state.patient.isIdentified) say("Identified.");
}

function decide(row, isTaken) {
    const { id } = state.patient.details[row.dataset.field].proposed;
    find("#step-1").focus();
    attempt("decide", { proposalId: id, isTaken });
}

function changeDetails() {
    const { details } = state.patient;
    const inputs = Object.entries(details).map(([name, { value }]) => {
        const input = make("input", { type: TYPES[name] ?? "text", autocomplete: "off", value, name });
        if (name === "date_of_birth" && !value) input.dataset.first = "";
        return input;
    });
    ask({
        title: "What is right about the details?",
        words: "What is empty is filled in at once. Another value waits until it is taken over; nothing is overwritten.",
        parts: inputs.map((input) => field(details[input.name].label, input)),
        label: "Save",
        then: async () => {
            const changed = inputs.filter((input) => input.value.trim() && input.value !== details[input.name].value);
            const changes = changed.map((input) => ({ field: input.name, value: input.value }));
            if (changes.length) await act("details", { changes });
        },
    });
}

function askForAnother() {
    const name = make("input", { maxLength: 255, autocomplete: "off", required: true });
    const born = make("input", { type: "date" });
    ask({
        title: "Book for another person",
        words: "For somebody who shares the caller’s e-mail and phone. They get a record of their own; this call is about them.",
        parts: [field("Full name", name), field("Date of birth", born)],
        label: "Go on with this person",
        then: () => reopen("another", { name: name.value, born: born.value || null }),
    });
}

function readOut() {
    ask({
        title: "Read out, and note the answer",
        words: "Enter notes the answer and goes on. Each is saved at once; what was said last holds.",
        parts: state.patient.consents.map(asked),
    });
}

function asked({ wordingId, kind, text, answer, isOld, isRequired, at, by }) {
    const choices = [
        ["agreed", "Agrees", true],
        ["refused", "Refuses", false],
    ].map(([value, label, isGiven]) => {
        const checked = !isOld && answer === value;
        const input = make("input", { type: "radio", name: `consent-${wordingId}`, checked });
        input.addEventListener("change", () => consent(wordingId, isGiven));
        input.addEventListener("keydown", answerAndGoOn);
        return make("label", { className: "chip" }, input, make("span", { textContent: label }));
    });
    const when = at ? ` · ${answer} ${date(at)} ${time(at)}${by ? `, ${by}` : ""}${isOld ? ", in older words" : ""}` : "";
    const head = make("strong", { textContent: kind });
    const note = make("span", { className: "small muted", textContent: `${isRequired ? " needed for a booking" : ""}${when}` });
    return make(
        "fieldset",
        { className: "desk-consent" },
        make("legend", {}, head, note),
        make("p", { textContent: text }),
        make("div", { className: "row" }, ...choices),
    );
}

/** Enter gives the answer that has the focus and goes on to the next wording, at last to the button that closes. */
function answerAndGoOn(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!event.target.checked) event.target.click();
    const next = event.target.closest("fieldset").nextElementSibling;
    (next?.querySelector("input:checked") ?? next?.querySelector("input") ?? find("#asking-do")).focus();
}

async function consent(wordingId, isGiven) {
    try {
        await act("consent", { wordingId, isGiven });
        tell("");
    } catch (error) {
        tell(`Not saved. ${error.message}`);
    }
}

/** Look up who else it may be, whenever what is known of the patient changed. */
async function lookUp(patient) {
    const key = JSON.stringify([patient.id, Object.values(patient.details).map(({ value }) => value), patient.visits, patient.forms]);
    if (key === lookedUp) return;
    lookedUp = key;
    try {
        const known = await get("known");
        if (key !== lookedUp) return;
        drawVisits(known.visits, patient.visits);
        drawForms(known.forms);
        drawCandidates(known.candidates);
    } catch {
        lookedUp = ""; // looked up again with the next change
    }
}

function drawVisits(rows, count) {
    visits.hidden = count === 0;
    visits.querySelector("summary").textContent = `Earlier visits: ${count}`;
    const line = ({ startsAt, appointment, practitioner, state: end }) =>
        make("li", { textContent: `${date(startsAt)} ${new Date(startsAt).getUTCFullYear()}, ${appointment}, ${practitioner}: ${end.toLowerCase()}` });
    visits.querySelector("ul").replaceChildren(...rows.map(line));
}

/** What was answered in forms, each form to be opened; of a draft, that there is one. */
function drawForms(rows) {
    forms.hidden = rows.length === 0;
    const drafts = rows.filter(({ isDraft }) => isDraft).length;
    forms.querySelector("summary").textContent = `Forms: ${rows.length - drafts}${drafts ? `, and ${drafts} not sent yet` : ""}`;
    forms.querySelector("div").replaceChildren(...rows.map(drawForm));
}

function drawForm({ name, appointment, at, isDraft, answers }) {
    const words = `${name}, for ${appointment}, ${isDraft ? "saved" : "sent"} ${date(at)} ${new Date(at).getUTCFullYear()}`;
    if (isDraft) return make("p", { className: "desk-form" }, `${words} `, make("span", { className: "badge waiting", textContent: "Draft" }));
    const lines = answers.flatMap(({ question, answer }) => [make("dt", { textContent: question }), make("dd", { textContent: answer })]);
    return make("details", { className: "desk-form" }, make("summary", { textContent: words }), make("dl", {}, ...lines));
}

function drawCandidates(candidates) {
    find("#known").hidden = candidates.length === 0 || !isWritable();
    list.replaceChildren(
        ...candidates.map((one) => {
            const button = actionButton("Compare", () => compare(one));
            button.setAttribute("aria-label", `Compare with ${one.name}`);
            const words = make("span", { className: "small muted", textContent: reasons(one) });
            const tone = { Likely: "ok", Possible: "info" }[one.strength] ?? "";
            const badge = make("span", { className: `badge ${tone}`, textContent: one.strength });
            return make("li", {}, make("span", { className: "grow" }, make("b", { textContent: one.name }), words), badge, button);
        }),
    );
}

const reasons = (one) => `${one.reasons.join(", ")}${one.isFamily ? ": family?" : ""}`;

function compare(one) {
    const boxes = one.identifiers.map(({ code, shown }) => make("input", { type: "checkbox", value: code, disabled: !shown }));
    for (const box of boxes) box.addEventListener("keydown", (event) => tickAndGoOn(event, boxes, find("#asking-do")));
    const rows = one.identifiers.map(({ label, shown }, n) =>
        make("label", { className: "desk-compared" }, boxes[n], make("span", { textContent: label }), make("b", { textContent: shown || "not known" })),
    );
    ask({
        title: "Is it the same person?",
        words: `${reasons(one)}. Ask, do not read out. Tick the name and two more that agree with this record.`,
        parts: rows,
        label: "Same person: link",
        then: async () => {
            const identifiers = boxes.filter((box) => box.checked).map((box) => box.value);
            if (identifiers.length < ENOUGH || identifiers[0] !== "name") return "Tick the name and two more first.";
            return reopen("link", { patientId: one.id, identifiers });
        },
    });
}

async function unlink() {
    try {
        await reopen("unlink");
    } catch (error) {
        alarm(error.message);
    }
}

/** The page was made for the other record: its clock, its phone number. */
async function reopen(verb, body) {
    await flush();
    await act(verb, body);
    location.reload();
}
