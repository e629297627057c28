// Replays to an endpoint: what was missed, given up, or arrived, is sent again, at a rate.

import { act, ask } from "/assets/api.js";
import { mayAct } from "/assets/access.js";
import { actionForm } from "/assets/action.js";
import { facts, make, section, state, time, trouble } from "/assets/elements.js";
import { given, moment } from "/assets/list.js";

const EVERY_MS = 2_000;
const INCLUDED = [["MISSED", "never had"], ["DLQ", "given up"], ["DELIVERED", "delivered"]];

export async function replays(path, signal) {
  const shown = make("div");
  const whole = section("Replays");
  if (mayAct()) {
    whole.append(actionForm("Replay a range", [
      moment("from", "Accepted from, UTC", {}), moment("to", "to, UTC", {}),
      ...INCLUDED.map(([value, label]) => make("label", null, make("input", { type: "checkbox", name: "include", value, checked: value !== "DELIVERED" }), ` ${label}`)),
    ], {
      first: "Count",
      check: async (form, real) => {
        const { count } = await act("POST", [...path, "replays"], { ...wanted(form), dryRun: true });
        return [make("p", null, `Events that a replay would send: ${count.complete ? "" : "at least "}${count.matched}. Nothing was sent.`), facts(Object.entries(count.refused)), real];
      },
      run: async (form, key) => {
        const { replay } = await act("POST", [...path, "replays"], { ...wanted(form), dryRun: false }, key);
        shown.prepend(one(replay));
        return make("p", null, "Started.");
      },
    }));
  }
  const { replays: found } = await ask([...path, "replays"], null, signal);
  shown.append(...found.map(one));
  whole.append(shown, ...(found.length || mayAct() ? [] : [make("p", null, "There are none.")]));
  return whole;

  // It is looked at until it ends.
  function one(first) {
    const own = [...path, "replays", first.replayId];
    const bar = make("progress", { max: 1, "aria-label": `Progress of ${first.replayId}` });
    const told = make("div");
    const cancel = make("button", {
      type: "button",
      click: async () => {
        cancel.disabled = true;
        await step(() => act("POST", [...own, "cancel"]));
        cancel.disabled = false;
      },
    }, "Cancel");
    const put = (replay) => {
      const [from, to, at] = [replay.from, replay.to, replay.reachedAt ?? replay.from].map((text) => Date.parse(text));
      bar.value = replay.state === "DONE" ? 1 : (at - from) / (to - from);
      cancel.hidden = replay.state !== "RUNNING" || !mayAct();
      told.replaceChildren(facts([
        ["State", state(replay.state)], ["Reason", replay.reason], ["Sent", replay.sent], ["Looked at", replay.examined], ["From", time(replay.from)], ["To", time(replay.to)],
        ["What", replay.include.join(", ")], ...Object.entries(replay.refused).map(([why, number]) => [`Not sent: ${why}`, number]), ["Started", time(replay.startedAt)],
      ]));
      return replay.state === "RUNNING";
    };
    const step = async (doing) => {
      try {
        return put(await doing());
      } catch (error) {
        if (error.name !== "AbortError") told.append(trouble(error));
        return false;
      }
    };
    const watch = async (isRunning) => {
      for (let goesOn = isRunning; goesOn;) {
        await new Promise((resolve) => { setTimeout(resolve, EVERY_MS); });
        if (signal.aborted) return;
        if (!document.hidden) goesOn = await step(() => ask(own, null, signal));
      }
    };
    watch(put(first));
    return make("div", { class: "replay" }, bar, " ", cancel, told);
  }
}

function wanted(form) {
  const { from, to } = given(form);
  return { ...(from && { from }), ...(to && { to }), include: new FormData(form).getAll("include") };
}
