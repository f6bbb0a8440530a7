/** The page's elements: looked up, made, and told. */

export const root = document.getElementById("desk");
export const find = (selector) => root.querySelector(selector);
export const findAll = (selector) => [...root.querySelectorAll(selector)];
export const boot = JSON.parse(document.getElementById("boot").textContent);

const live = document.getElementById("live");
const alarmBox = find("#alarm");

/** Make an element with properties and children. */
export function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
}

/** Make a small button that does something. */
export function actionButton(label, run) {
    const button = make("button", { type: "button", className: "button small", textContent: label });
    button.addEventListener("click", run);
    return button;
}

/** Say something to a screen reader when it has finished its sentence. */
export function say(text) {
    live.textContent = ""; // so that the same words are said again
    setTimeout(() => (live.textContent = text), 50);
}

/** Show the one alert line, with buttons for what can be done about it; gives the first button. */
export function alarm(text, actions = []) {
    const buttons = actions.map(({ label, run }) => actionButton(label, run));
    alarmBox.replaceChildren(make("span", { textContent: text }), ...buttons);
    alarmBox.hidden = false;
    return buttons[0];
}

export function calm() {
    alarmBox.hidden = true;
    alarmBox.replaceChildren();
}

export const isAlarmed = () => !alarmBox.hidden;

/** Tell whether the focus is nowhere, because what had it is gone, or still on something. */
export function isFocusFree(...places) {
    const active = document.activeElement;
    const isNowhere = !active || active === document.body || active.closest("[hidden]");
    return isNowhere || places.some((place) => place?.contains(active));
}

/** Let a group of buttons be one tab stop: the current one. */
export function rove(buttons, current) {
    for (const button of buttons) button.tabIndex = button === current ? 0 : -1;
}
