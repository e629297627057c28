// Events go through the pipeline again: what a dry run has counted, and no other.

import { act, ask } from "/assets/api.js";
import { address, eventAddress, providers, say } from "/assets/place.js";
import { make, section, state, table, trouble } from "/assets/elements.js";
import { STATES } from "/assets/events.js";
import { choice, given, lines, moment, text } from "/assets/list.js";

const EVERY_MS = 2_000;
// Each look at an event is a call.
const WATCHED = 20;
const WAITS = "in the queue";

export async function replayPage({ main, query, signal }) {
  const told = make("div", { class: "told", tabindex: "-1" });
  let trial = new AbortController();
  const form = make("form", {
    class: "filters", "aria-label": "What to replay",
    // What was tried is no longer what would be replayed.
    input: () => forget(),
    submit: (event) => {
      event.preventDefault();
      forget();
      history.replaceState(null, "", address("replay", given(form)));
      step(() => tryIt(wanted(form), stopping()));
    },
  }, lines("eventIds", "Events, <provider>:<event id>, one a line", query), make("p", null, "or"),
  choice("provider", "Provider", Object.keys(providers()), query, "none"), moment("from", "Received from, UTC", query), moment("to", "to, UTC", query),
  choice("status", "State", STATES, query),
  make("label", null, make("input", { type: "checkbox", name: "anyMode", checked: query.anyMode === "on" }), " also what is held, or not known to be live"),
  text("reason", "Reason, for the audit log", query, { maxlength: 500 }), make("button", null, "Try: count them"));
  main.append(form, told);

  const put = (...children) => {
    told.replaceChildren(...children);
    told.focus();
  };
  const step = async (doing) => {
    try {
      await doing();
    } catch (error) {
      if (!signal.aborted) put(asTrouble(error));
    }
  };
  const stopping = () => AbortSignal.any([signal, trial.signal]);
  const stop = (label) => make("button", { type: "button", click: () => trial.abort() }, label);

  function forget() {
    trial.abort();
    trial = new AbortController();
    told.replaceChildren();
    say("");
  }

  async function tryIt({ request }, until) {
    let matched = 0;
    const notFound = [];
    put(stop("Stop counting"));
    for await (const page of answers({ ...request, dryRun: true }, until)) {
      matched += page.matched;
      notFound.push(...page.notFound);
      say(`${matched} so far`);
    }
    say("Nothing was changed");
    put(section("Dry run", make("p", null, `Events that a replay would send: ${matched}. Nothing was changed.`), missing(notFound),
      matched ? make("button", { type: "button", click: () => step(() => replay(wanted(form), matched, stopping())) }, "Replay now") : null));
  }

  async function replay({ request, reason }, matched, until) {
    const bar = make("progress", { max: matched, value: 0, "aria-label": "Events that were sent" });
    const failures = [];
    const notFound = [];
    const ids = [];
    let sent = 0;
    let ended = null;
    put(section("Replay", bar, make("p", null, stop("Stop"))));
    // A change of it would stop the replay.
    form.inert = true;
    try {
      for await (const page of answers({ ...request, dryRun: false, ...(reason && { reason }) }, until)) {
        sent += page.replayed.length;
        failures.push(...Object.entries(page.failed));
        notFound.push(...page.notFound);
        ids.push(page.replayId);
        bar.value = sent + failures.length;
        say(`${sent} of ${matched} sent`);
      }
    } catch (error) {
      if (signal.aborted) throw error;
      ended = asTrouble(error);
    }
    form.inert = false;
    const names = request.eventIds?.slice(0, WATCHED) ?? [];
    const place = make("div");
    put(section("Replay", bar, ended, make("p", null, `Sent to the main queue: ${sent} of ${matched}. It is in the audit log.`),
      failures.length ? table("Not sent", { event: ([key]) => link(key), why: ([, why]) => why }, failures) : null, missing(notFound),
      names.length ? place : make("p", null, make("a", { href: address("events", { provider: request.provider, from: request.from, to: request.to }) }, "See these events"))));
    const failed = new Set(failures.map(([key]) => key));
    await watch(place, names.filter((key) => !failed.has(key) && !notFound.includes(key)), new Set(ids), until);
  }
}

const link = (key) => make("a", { href: eventAddress(key) }, key);
const missing = (keys) => (keys.length ? make("p", { class: "trouble" }, `No such event: ${keys.join(", ")}`) : null);

const asTrouble = (error) => trouble(error.name === "AbortError" ? "Stopped. What was asked for last may still be carried out." : error);

function wanted(form) {
  const { eventIds, anyMode, reason, ...range } = given(form);
  const keys = eventIds.split(/\s+/).filter(Boolean);
  const what = keys.length ? { eventIds: keys } : Object.fromEntries(Object.entries(range).filter(([, value]) => value));
  return { request: { ...what, ...(anyMode && { anyMode: true }) }, reason };
}

// A range is answered a page at a time.
async function* answers(request, until) {
  let next = null;
  do {
    const page = await act(["replay"], null, next ? { ...request, next } : request, until);
    yield page;
    next = page.next;
  } while (next);
}

// A timeline has the newest step first.
function endOf(timeline, replayIds) {
  const begun = timeline.findIndex((one) => one.step === "replayed" && replayIds.has(one.replayId));
  const since = timeline.slice(0, Math.max(begun, 0)).map((one) => one.step);
  return since.includes("routed") ? "routed" : since.includes("dead-lettered") ? "given up again" : WAITS;
}

// Looks at events until this replay has come to its end with each.
async function watch(place, keys, replayIds, until) {
  const waiting = new Set(keys);
  const found = new Map(keys.map((key) => [key, {}]));
  const show = () => place.replaceChildren(table("What became of them", {
    event: (key) => link(key), state: (key) => state(found.get(key).state), "this replay": (key) => found.get(key).end ?? WAITS,
  }, keys));
  show();
  while (waiting.size) {
    for (const key of document.hidden ? [] : [...waiting]) {
      const { records } = await ask(["inbound", key], null, until);
      const ends = records.map((record) => endOf(record.timeline, replayIds));
      found.set(key, { state: records[0].state, end: ends.join(", ") });
      if (ends.every((end) => end !== WAITS)) waiting.delete(key);
    }
    show();
    say(`${keys.length - waiting.size} of ${keys.length} were routed, or given up again`);
    if (waiting.size) await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
    until.throwIfAborted();
  }
}
