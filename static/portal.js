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

// Within the sidebar alone: the page itself stays where it is.
document.querySelector(".sidebar-nav [aria-current]")?.scrollIntoView({ block: "nearest" });

document.documentElement.dataset.ready = "";
