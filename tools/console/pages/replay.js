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
const CONFLICT = "in conflict";
// Steps with which a replay that has taken an event up ends.
const ENDS = { routed: "routed", held: "held", "dead-lettered": "given up again" };

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
      matched ? make("button", { type: "button", click: () => step(() => replay(wanted(form), matched, notFound, stopping())) }, "Replay now") : null));
  }

  async function replay({ request, reason }, matched, unknown, until) {
    const bar = make("progress", { max: matched, value: 0, "aria-label": "Events that were sent" });
    const failures = [];
    const notFound = [];
    const ids = [];
    let sent = 0;
    let ended = null;
    put(section("Replay", bar, make("p", null, stop("Stop"))));
    const names = (request.eventIds ?? []).filter((key) => !unknown.includes(key)).slice(0, WATCHED);
    const before = await newestSteps(names, until);
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
    const place = make("div");
    put(section("Replay", bar, ended, make("p", null, `Sent to the main queue: ${sent} of ${matched}. It is in the audit log.`),
      failures.length ? table("Not sent", { event: ([key]) => link(key), why: ([, why]) => why }, failures) : null, missing(notFound),
      request.eventIds ? place : make("p", null, make("a", { href: address("events", { provider: request.provider, from: request.from, to: request.to }) }, "See these events"))));
    const failed = new Set(failures.map(([key]) => key));
    await watch(place, names.filter((key) => !failed.has(key) && !notFound.includes(key)), new Set(ids), before, until);
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

// `before` is the time of the newest step before the replay was sent. A conflict, and a failure before the event is taken
// up, leave no step of the replay: they are newer than that. A timeline has the newest step first.
export function endOf({ state: now, timeline }, replayIds, before = "") {
  if (now === "CONFLICTING") return CONFLICT;
  const begun = timeline.findIndex((one) => one.step === "replayed" && replayIds.has(one.replayId));
  if (begun >= 0) return ENDS[timeline.slice(0, begun).map((one) => one.step).find((step) => Object.hasOwn(ENDS, step))] ?? WAITS;
  const since = timeline.filter(({ at }) => at > before).map((one) => one.step);
  return since.includes("dead-lettered") ? ENDS["dead-lettered"] : since.includes("conflicting") ? CONFLICT : WAITS;
}

const nameOf = (key, { record }) => `${key} ${record}`;

// The time of the newest step of each record of events.
async function newestSteps(keys, until) {
  const newest = new Map();
  for (const key of keys) {
    const { records } = await ask(["inbound", key], null, until);
    for (const record of records) newest.set(nameOf(key, record), record.timeline[0]?.at);
  }
  return newest;
}

// Looks at events until this replay has come to its end with each.
async function watch(place, keys, replayIds, before, until) {
  const waiting = new Set(keys);
  const found = new Map(keys.map((key) => [key, {}]));
  const show = () => place.replaceChildren(table("What became of them", {
    event: (key) => link(key), state: (key) => state(found.get(key).state), "this replay": (key) => found.get(key).end ?? WAITS,
  }, keys));
  show();
  while (waiting.size) {
    for (const key of document.hidden ? [] : [...waiting]) {
      const { records } = await ask(["inbound", key], null, until);
      const ends = records.map((record) => endOf(record, replayIds, before.get(nameOf(key, record))));
      found.set(key, { state: records[0].state, end: ends.join(", ") });
      if (ends.every((end) => end !== WAITS)) waiting.delete(key);
    }
    show();
    say(`${keys.length - waiting.size} of ${keys.length} have come to an end`);
    if (waiting.size) await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
    until.throwIfAborted();
  }
}
