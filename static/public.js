// Shows times by the visitor's own clock without being asked. Pages work without it: the zone is then chosen by hand.

const MEMORY = "zone";

// A browser that keeps nothing, or is told to, has no memory.
function remembered() {
    try {
        return localStorage.getItem(MEMORY);
    } catch {
        return null;
    }
}

function remember(zone) {
    try {
        localStorage.setItem(MEMORY, zone);
    } catch {
        // The address still says it.
    }
}

function inZone(address, zone) {
    const url = new URL(address);
    url.searchParams.set("zone", zone);
    return url;
}

const own = remembered() ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
const select = document.querySelector("select[data-zone]");

if (own) {
    if (select?.dataset.zone === "guessed" && select.value !== own) {
        location.replace(inZone(location.href, own));
    }
    for (const link of document.querySelectorAll("a[data-zoned]")) {
        link.href = inZone(link.href, own);
    }
}

select?.addEventListener("change", () => {
    if (select.value.includes("/")) {
        remember(select.value);
    }
});
