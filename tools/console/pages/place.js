// Where the console is: the environment, addresses of pages, and what is said aloud about a page.

let about;

export const setAbout = (known) => { about = known; };
export const providers = () => about.providers;
export const hasDelivery = () => about.hasDelivery;
export const say = (text) => { document.getElementById("status").textContent = text; };

export function address(page, query) {
  const kept = Object.entries(query ?? {}).filter(([, value]) => value);
  return `/${about.environment}/${page}${kept.length ? `?${new URLSearchParams(kept)}` : ""}`;
}

export const eventAddress = (key) => address(`events/${encodeURIComponent(key)}`);

export function go(to, replaces = false) {
  history[replaces ? "replaceState" : "pushState"](null, "", to);
  dispatchEvent(new Event("moved"));
}

// Shows the page anew, which says first what was done.
export const showAgain = (done) => dispatchEvent(new CustomEvent("moved", { detail: done }));
