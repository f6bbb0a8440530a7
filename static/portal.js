/** What every page does: verbs open as dialogs where JavaScript runs, and as pages of their own where it does not. */

const dialog = document.createElement("dialog");
dialog.setAttribute("aria-labelledby", "verb-title");
document.body.append(dialog);

document.addEventListener("click", async (event) => {
    const close = event.target.closest("dialog [data-close]");
    if (close || event.target === dialog) {
        event.preventDefault();
        dialog.close();
        return;
    }
    const opener = event.target.closest("a[data-dialog]");
    if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const answer = await fetch(opener.href, { headers: { "X-Fragment": "dialog" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) {
        location.assign(opener.href);
        return;
    }
    dialog.innerHTML = await answer.text();
    dialog.close(); // one that opens another gives way to it, so that the focus goes in
    dialog.showModal();
});

// What somebody unfolds in the sidebar stays so while they work; the group of the present page is open anyway.
const KEPT = "unfolded";
const unfolded = new Set((sessionStorage.getItem(KEPT) ?? "").split(","));
for (const group of document.querySelectorAll(".sidebar-group")) {
    const name = group.dataset.group;
    group.open ||= unfolded.has(name);
    group.addEventListener("toggle", () => {
        if (group.open) unfolded.add(name);
        else unfolded.delete(name);
        sessionStorage.setItem(KEPT, [...unfolded].filter(Boolean).join());
    });
}

// Within the sidebar alone: the page itself stays where it is.
document.querySelector(".sidebar-nav [aria-current]")?.scrollIntoView({ block: "nearest" });

document.documentElement.dataset.ready = "";
