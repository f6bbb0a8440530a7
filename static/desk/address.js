/** What was chosen stands in the page's address, so that it is there again after a reload; nothing of a patient's. */

export const kept = (name) => new URLSearchParams(location.search).get(name) ?? "";

export function keep(choices) {
    const all = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(choices)) {
        if (value) all.set(name, value);
        else all.delete(name);
    }
    history.replaceState(null, "", all.size ? `?${all}` : location.pathname);
}
