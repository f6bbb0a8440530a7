/** Talks to the portal: JSON in, JSON out, one change after the other, and the server's clock. */

const SECONDS = 10;

let skew = 0;
let queue = Promise.resolve();
let changes = 0;

/** The portal understood and said no; `code` and `body` tell why. */
export class Refused extends Error {
    constructor(status, body) {
        super(body.error);
        this.status = status;
        this.code = body.code;
        this.body = body;
    }
}

/** The portal did not answer. */
export class Unreachable extends Error {}

/** The portal does not know us any more; logging in again in another tab mends it. */
export class LoggedOut extends Unreachable {}

/** The server's time in milliseconds: the browser's clock may be wrong. */
export const serverNow = () => Date.now() + skew;

export function setClock(now) {
    skew = Date.parse(now) - Date.now();
}

/** Counts changes begun and ended: an answer from before one of them is old. */
export const changeCount = () => changes;

/** Ask for something; `signal` takes the question back. */
export async function get(path, query = {}, signal = undefined) {
    const signals = [AbortSignal.timeout(SECONDS * 1000), signal].filter(Boolean);
    return ask(`${path}/?${new URLSearchParams(query)}`, { signal: AbortSignal.any(signals) });
}

/** Do something; waits for what was begun before, so that answers come in the order of the changes. */
export function post(verb, body = {}) {
    const answer = queue.then(() => change(verb, body));
    queue = answer.catch(() => {});
    return answer;
}

/** Send a last change while the page goes away; nobody waits for the answer. */
export function postAndLeave(verb, body) {
    fetch(`${verb}/`, { ...changeOf(body), keepalive: true }).catch(() => {});
}

async function change(verb, body) {
    changes += 1;
    try {
        return await ask(`${verb}/`, { ...changeOf(body), signal: AbortSignal.timeout(SECONDS * 1000) });
    } finally {
        changes += 1;
    }
}

function changeOf(body) {
    // Read each time: logging in again in another tab changes it.
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
    return {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
        body: JSON.stringify(body),
    };
}

async function ask(address, options) {
    let answer;
    let body;
    try {
        answer = await fetch(address, { headers: { Accept: "application/json" }, ...options });
        body = await answer.json();
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new Unreachable("No connection.");
    }
    if (answer.status >= 500) throw new Unreachable(body.error ?? "The portal does not answer.");
    if (body.code === "not_authenticated") throw new LoggedOut("You were logged out.");
    if (!answer.ok) throw new Refused(answer.status, body);
    if (body.now) setClock(body.now);
    return body;
}
