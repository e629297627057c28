"""What a module says about itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from modules.settings import Settings
from tools.docs import all_settings, show, table
from tools.module.input_rules import RULES_BETWEEN_INPUTS
from tools.module.inputs import Input
from tools.module.offered import FIXED, OF_ANOTHER_STACK, OF_THE_CALLER
from tools.module.paths import value_at
from tools.module.tags import TAGS, tags_block

# By which a folder is known to be a module.
MARK = "a plain Terraform module, written by `make module`"

_MODULE = """\
# Webhooks

Receives payment webhooks, verifies them over the exact bytes received, archives, records and routes them. This folder
is a plain Terraform module, written by `make module` from {source}; it needs no Python and no CDKTF.

```hcl
module "webhooks" {{
  source             = "./webhooks"
  environment_suffix = "prod"
}}
```

Region, credentials and state are those of the calling root module. Every name ends in the suffix, so that several
instances live in one account and region.

- **Log role.** API Gateway writes logs with one role for each account and region, and refuses to write any until it is
  set. The module in `account/` sets it. Call that from a root of its own and apply it first; leave it out where the
  role is set already. Do not give this module a `depends_on`: whenever what it depends on changes, Terraform reads
  what the module looks up only while it applies, and plans to replace the bucket whose name follows from it.
- **Secrets** are created empty, and their values never pass through Terraform. Until one is filled, its provider is
  answered 503. The output `secret_arns` has the names:
  ```console
  aws secretsmanager put-secret-value --secret-id <arn> --secret-string '{{"secrets":["whsec_..."]}}'
  ```
- **Concurrency** of all instances comes out of one limit of the account and region. Each checks its own reservations
  against `functions_account_concurrency`, and knows nothing of the others.
- **Destroying** an instance removes everything, the archived payloads included.

## Inputs

{inputs}
A wrong value stops the plan with the input, the value and what is allowed. These are refused too:

{rules}

## Fixed

These give the stack its shape, and were fixed when the module was written. To change one, write another module.

{fixed}
## Outputs

{outputs}"""

_ACCOUNT = """\
# API Gateway's log role

The role with which API Gateway writes its logs. There is one for each account and region: call this module once for
each region that has an instance of the module above, unless the role is set already. IAM roles have one name in all
regions, so that each call needs a suffix of its own.

## Inputs

{inputs}"""


def module_readme(
    source: str, settings: Settings, inputs: Sequence[Input], outputs: Mapping[str, Mapping[str, Any]]
) -> str:
    """Return the README of the module."""
    rows = [
        [f"`{name}`", "yes" if block.get("sensitive") else "", block.get("description", "")]
        for name, block in outputs.items()
    ]
    offered = {item.path for item in inputs}
    fixed = [
        [f"`{path}`", _value(value_at(settings, path)), FIXED.get(path, "")]
        for path, _ in all_settings()
        if path not in offered and path not in (*OF_THE_CALLER, *OF_ANOTHER_STACK)
    ]
    return _MODULE.format(
        source=source,
        inputs=_inputs(inputs, settings),
        rules="\n".join(f"- `{rule.of}` {rule.refusal}." for rule in RULES_BETWEEN_INPUTS),
        fixed=table(["setting", "value", "why"], fixed),
        outputs=table(["output", "sensitive", "what it is"], sorted(rows)),
    )


def account_readme(inputs: Sequence[Input], settings: Settings) -> str:
    """Return the README of the module for what an account has once."""
    return _ACCOUNT.format(inputs=_inputs(inputs, settings))


def _inputs(inputs: Sequence[Input], settings: Settings) -> str:
    rows = [
        [
            f"`{item.name}`",
            item.type,
            _default(item, settings),
            item.rule.allowed(),
            item.rule.doc,
        ]
        for item in inputs
    ]
    tags = tags_block()
    rows.append([f"`{TAGS}`", tags["type"], "none", "", tags["description"]])
    return table(["input", "type", "default", "allowed", "meaning"], rows)


def _default(item: Input, settings: Settings) -> str:
    if item.required:
        return "required"
    value = value_at(settings, item.path)
    return f"`{item.computed.expression}`" if item.computed and value is None else show(value)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        value = tuple(name if name == entry else f"{name}: {entry}" for name, entry in value.items())
    return show(tuple(value) if isinstance(value, list) else value)
