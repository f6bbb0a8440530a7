/** The keyboard alone: Alt+1 to 5 jump to the steps, Alt+0 to the bar, Ctrl+Enter does the next thing, Esc closes. */

import { finish } from "./booked.js";
import { confirm, focusPayment, isAgreed } from "./booking.js";
import { begin } from "./call.js";
import { calm, find, findAll, isAlarmed } from "./elements.js";
import { hold, isHolding } from "./holds.js";
import { nextOfPatient } from "./patient.js";
import { firstUnanswered } from "./script.js";
import { isOpen, isWritable, state } from "./state.js";
import { chooseAndGoOn, chosenType, firstOffer, timeToOffer, typeInputs } from "./times.js";

const firstType = () => typeInputs.find((input) => input.checked) ?? typeInputs.find((input) => !input.disabled);

/** What is still open in the script, and the recommended service; asked for again, the next of these. */
function openInScript() {
    const concern = find("#concern");
    const places = [concern?.value ? null : concern, firstUnanswered(), find("#services input:checked")].filter(Boolean);
    return places[places.indexOf(document.activeElement) + 1] ?? places[0];
}

const steps = {
    Digit0: () => findAll(".desk-bar button").find((button) => button.checkVisibility()),
    Digit1: () => nextOfPatient() ?? find("#step-1"),
    Digit2: () => find("#notes"),
    Digit3: openInScript,
    Digit4: () => (chosenType() && firstOffer()) || firstType(),
    Digit5: () => (state.booking ? find("#done") : find("#step-5")),
};

export function listenToKeys() {
    document.addEventListener("keydown", (event) => {
        if (event.repeat && event.key === "Enter") {
            // A key held down too long must not hold, pay and confirm by itself.
            if (event.target.tagName !== "TEXTAREA") event.preventDefault();
            return;
        }
        if (find("dialog[open]")) return;
        if (event.altKey && !event.ctrlKey && steps[event.code]) {
            event.preventDefault();
            jump(event.code);
        } else if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
            event.preventDefault();
            doNext();
        } else if (event.key === "Escape" && isAlarmed()) {
            const hadFocus = find("#alarm").contains(document.activeElement);
            calm();
            if (hadFocus) jump("Digit4");
        }
    });
}

function jump(code) {
    if (code === "Digit5" && isHolding()) focusPayment();
    else steps[code]()?.focus();
}

function doNext() {
    if (isWritable() && state.booking) finish();
    else if (!isOpen()) return;
    else if (isAgreed()) confirm();
    else if (isHolding()) focusPayment();
    else if (state.state === "scheduled" || state.isParked) begin();
    else if (timeToOffer()) hold(timeToOffer());
    else if (typeInputs.includes(document.activeElement)) chooseAndGoOn(document.activeElement);
    else firstType()?.focus();
}
