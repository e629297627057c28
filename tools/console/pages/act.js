// An action: first a dry run where there is one, then the real one, which is there only after a dry run of the same.

import { act } from "/assets/api.js";
import { actionForm } from "/assets/action.js";
import { showAgain } from "/assets/place.js";
import { facts, make } from "/assets/elements.js";
import { given, text } from "/assets/list.js";

// `fields` are asked for besides the reason, and `body` makes the request's body of what they say. `inBody` names what the
// API takes there, of `dryRun` and `reason`; otherwise it is in the query. `confirms` must be typed where nothing brings
// back what was. `shown` is what a dry run says as facts, and `may` whether the action would do anything.
export function action(name, path, {
  method = "POST", fields = [], body = () => null, tenantSees = false, inBody = tenantSees ? ["reason"] : [], isTried = true,
  confirms = null, policy = "operator_policy_json", says = "It would be done. Now it is:", shown, may = () => true,
  done = () => showAgain(`${name}: done. It is in the audit log.`), open = false, signal,
}) {
  const ask = (form, dryRun) => {
    const { reason, ...values } = given(form);
    const said = Object.entries({ ...(isTried && { dryRun }), ...(reason && { reason }) });
    const query = said.filter(([key, value]) => value && !inBody.includes(key));
    const whole = { ...body(values), ...Object.fromEntries(said.filter(([key]) => inBody.includes(key))) };
    return act(path, Object.fromEntries(query), Object.keys(whole).length ? whole : null, signal, method);
  };
  const tryIt = async (form, real) => {
    const found = await ask(form, true);
    real.disabled = confirms !== null;
    const typed = confirms && text("confirms", `Nothing brings it back. Type ${confirms}`, {}, {
      maxlength: null, input: (event) => { real.disabled = event.target.value.trim() !== confirms; },
    });
    return [make("p", null, says), facts(shown(found)), may(found) ? make("p", null, typed, " ", real) : ""];
  };
  const label = tenantSees ? "Reason, which the tenant sees" : "Reason, for the audit log";
  return actionForm(name, [fields, text("reason", label, {}, { required: tenantSees, maxlength: 500 })].flat(), {
    first: isTried ? "Try" : `${name} now`, open, check: isTried ? tryIt : null,
    run: async (form, key, put) => { await done(await ask(form, false), put); },
    refused: (error) => (error.status === 403
      ? new Error(`You may not do this. The output ${policy} of the ${path[0] === "operator" ? "delivery" : "inbound"} stack is the policy that allows it. AWS says: ${error.message}`) : error),
  });
}
