// Keeps the marked parts of a page up to date: the page is fetched again and what has changed is put in place.

const EVERY = 2000;

async function refresh() {
  if (document.hidden) return;
  const response = await fetch(location.href).catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    // Whoever is at a control keeps it under the fingers.
    if (!fresh || part.contains(document.activeElement) || fresh.innerHTML === part.innerHTML) continue;
    part.replaceChildren(...fresh.childNodes);
  }
}

async function run() {
  await refresh();
  setTimeout(run, EVERY);
}

setTimeout(run, EVERY);
document.documentElement.dataset.ready = "yes";
