/*
 * The clinic's services on a page of somebody else's: see docs/embed.md.
 *
 * <script src="https://…/embed.js" data-target="#services" defer></script>
 *
 * Shows what GET /api/services says, leads to our pages, and lets people join a list by POST /api/waitlist. Lives in a
 * shadow tree, so that neither page's styles reach the other; sets no cookie, keeps nothing, loads nothing else.
 */
(() => {
    "use strict";

    const script = document.currentScript;
    const portal = new URL(script.src).origin;

    const STYLE = `
        :host { display: block; font: inherit; color: inherit; line-height: 1.5; text-align: left; }
        * { box-sizing: border-box; text-transform: none; letter-spacing: normal; }
        ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(260px, 100%), 1fr)); gap: 16px;
            margin: 0; padding: 0; list-style: none; }
        li.card { display: flex; flex-direction: column; gap: 8px; padding: 20px; border-radius: 8px;
            border: 1px solid color-mix(in srgb, currentColor 25%, transparent); overflow-wrap: anywhere; }
        h3, p { margin: 0; }
        h3 { font-size: 1.15em; line-height: 1.3; }
        a { display: inline-block; min-height: 24px; color: inherit; }
        .grow { flex: 1; }
        .price { font-weight: 650; }
        .badge { align-self: flex-start; padding: 2px 8px; border-radius: 6px; font-size: .8em; font-weight: 650;
            color: #78350f; background: #fef3c7; }
        summary { min-height: 44px; padding: 10px 0; font-weight: 600; cursor: pointer; }
        form { display: grid; gap: 12px; }
        label { display: grid; gap: 4px; font-weight: 600; }
        label.tick { grid-template-columns: 24px 1fr; gap: 8px; font-weight: 400; font-size: .9em; }
        input { width: 100%; min-height: 44px; padding: 6px 10px; font: inherit; font-weight: 400; color: inherit;
            background: transparent; border: 1px solid color-mix(in srgb, currentColor 60%, transparent);
            border-radius: 6px; }
        input[type=checkbox] { width: 24px; height: 24px; min-height: 0; accent-color: var(--botaniqal-accent, #177a60); }
        button { min-height: 44px; padding: 8px 20px; font: inherit; font-weight: 600; color: #fff; cursor: pointer;
            background: var(--botaniqal-accent, #177a60); border: 1px solid transparent; border-radius: 6px; }
        button:disabled { opacity: .6; }
        :focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
        .wrong { font-size: .9em; font-weight: 600; }
        .wrong::before { content: "! "; }
        .trap { position: absolute; left: -9999px; }
    `;

    const NAMES = [
        ["name", "Your name", { autocomplete: "name", required: true }],
        ["email", "E-mail", { type: "email", autocomplete: "email", required: true }],
        ["phone", "Phone (optional)", { type: "tel", autocomplete: "tel" }],
    ];

    /** Make an element; texts become text, never markup. */
    function make(tag, attributes, ...children) {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes ?? {})) {
            if (name in element && typeof value !== "string") {
                element[name] = value;
            } else {
                element.setAttribute(name, value);
            }
        }
        element.append(...children.filter((child) => child !== null));
        return element;
    }

    /** Write an amount exactly: 79.5 is $79.50. */
    function money(amount) {
        return `$${Number.isInteger(amount) ? amount : amount.toFixed(2)}`;
    }

    function price(types) {
        const amounts = new Set(types.filter((type) => type.bookable).map((type) => type.price));
        if (!amounts.size) {
            return null;
        }
        const lowest = Math.min(...amounts);
        return make("p", { class: "price" }, amounts.size > 1 ? "From " : "", lowest ? money(lowest) : "Free");
    }

    function card(service) {
        const isComing = service.status === "coming_soon";
        const day = service.launchDate ? "on " : "";
        return make(
            "li",
            { class: "card" },
            make("h3", null, make("a", { href: `${portal}/services/${encodeURIComponent(service.slug)}` }, service.name)),
            isComing ? make("span", { class: "badge" }, "● Coming soon") : null,
            make("p", { class: "grow" }, service.description),
            isComing ? make("p", null, `Starts ${day}${service.launch}`) : price(service.appointmentTypes),
            service.waitlistWording ? interest(service) : null,
        );
    }

    /** Build the form by which somebody hears of a service when it begins. */
    function interest(service) {
        const fields = {};
        const form = make("form", { noValidate: true });
        const field = (name, input, ...around) => {
            const wrong = make("p", { class: "wrong", id: `${service.slug}-${name}-wrong`, hidden: true });
            input.setAttribute("aria-describedby", wrong.id);
            fields[name] = { input, wrong };
            return make("div", null, make("label", around.length ? { class: "tick" } : null, ...around), wrong);
        };
        for (const [name, label, attributes] of NAMES) {
            const input = make("input", { name, ...attributes });
            const row = field(name, input);
            row.firstChild.append(label, input);
            form.append(row);
        }
        const tick = make("input", { type: "checkbox", name: "consent", required: true });
        const trap = make("input", { name: "website", tabindex: "-1", autocomplete: "off" });
        const problem = make("p", { class: "wrong", role: "alert", hidden: true });
        const button = make("button", null, "Tell me when it starts");
        form.append(
            field("consent", tick, tick, make("span", null, service.waitlistWording)),
            make("div", { class: "trap", "aria-hidden": "true" }, make("label", null, "Website", trap)),
            problem,
            button,
        );
        const box = make("details", null, make("summary", null, "Tell me when it starts"), form);
        form.addEventListener("submit", async (event) => {
            event.preventDefault();
            say(problem, "");
            for (const each of Object.values(fields)) {
                complain(each, "");
            }
            button.disabled = true;
            const refusal = await join(service, Object.fromEntries(new FormData(form)), tick.checked);
            button.disabled = false;
            if (!refusal) {
                const done = make("p", { role: "status", tabindex: "-1" }, "Thank you. We write to you when it starts.");
                box.replaceWith(done);
                done.focus();
                return;
            }
            const wrong = Object.entries(fields).filter(([name]) => refusal.details?.[name]);
            for (const [name, each] of wrong) {
                complain(each, refusal.details[name].join(" "));
            }
            if (wrong.length) {
                wrong[0][1].input.focus();
            } else {
                say(problem, refusal.error);
            }
        });
        return box;
    }

    /** Show a sentence, or none. */
    function say(element, words) {
        element.textContent = words;
        element.hidden = !words;
    }

    function complain({ input, wrong }, words) {
        say(wrong, words);
        input.setAttribute("aria-invalid", String(Boolean(words)));
    }

    /** Ask to be on a list; gives nothing, or the API's refusal. */
    async function join(service, said, consent) {
        try {
            const answer = await fetch(`${portal}/api/waitlist`, {
                method: "POST",
                credentials: "omit",
                headers: { "Content-Type": "application/json" },
                body: JSON.stringify({ ...said, consent, service: service.slug }),
            });
            return answer.ok ? null : await answer.json();
        } catch {
            return { error: "We could not be reached. Please try again in a moment." };
        }
    }

    async function show() {
        const target = script.dataset.target ? document.querySelector(script.dataset.target) : null;
        const host = target ?? make("div", null);
        if (!target) {
            script.after(host);
        }
        const root = host.attachShadow({ mode: "open" });
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(STYLE);
        root.adoptedStyleSheets = [sheet];
        const only = script.dataset.only?.split(/[\s,]+/);
        try {
            const answer = await fetch(`${portal}/api/services`, { credentials: "omit" });
            if (!answer.ok) {
                throw new Error(answer.status);
            }
            const { results } = await answer.json();
            const shown = results.filter((service) => !only || only.includes(service.slug));
            root.append(make("ul", null, ...shown.map(card)));
        } catch {
            root.append(make("p", null, make("a", { href: `${portal}/services` }, "See our services")));
        }
        host.dataset.ready = "";
    }

    show();
})();
