// Addresses of pages, how one is gone to, and what is said aloud about it.

let whole;

// `of` makes the address of a page and what is asked of it.
export const setAddresses = (of) => { whole = of; };
export const say = (text) => { document.getElementById("status").textContent = text; };

export const address = (page, query) => whole(page, Object.entries(query ?? {}).filter(([, value]) => value));

export function go(to, replaces = false) {
  history[replaces ? "replaceState" : "pushState"](null, "", to);
  dispatchEvent(new Event("moved"));
}

// Shows the page anew, which says first what was done.
export const showAgain = (done) => dispatchEvent(new CustomEvent("moved", { detail: done }));
