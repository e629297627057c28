"""Texts of an exported module's README; the tables are filled in by `tools.export_module.readme`."""

# By which a folder is known to be a module.
MARK = "a plain Terraform module, written by `make module`"

# The end of each README.
TABLES = """\
## Inputs

{inputs}
A wrong value stops the plan with the input, the value and what is allowed. These are rejected too:

{rules}

## Fixed

These were fixed when the module was written. To change one, write another module.

{fixed}
## Outputs

{outputs}"""

INBOUND = """\
# Webhooks

Receives payment webhooks, verifies them over the exact bytes received, archives, records and routes them. This folder
is a plain Terraform module, written by `make module` from {source}, version {version}. It needs no Python and no
CDKTF.

```hcl
module "webhooks" {{
  source             = "./webhooks"
  environment_suffix = "prod"
}}
```

Region, credentials and state are those of the calling root module. Every name ends in the suffix, so that several
instances live in one account and region.

- **Log role.** API Gateway writes logs with one role for each account and region, and writes none until it is
  set. The module in `account/` sets it. Call that from a root of its own and apply it first; leave it out where the
  role is set already. Do not give this module a `depends_on`: it defers data sources to apply time, and Terraform then
  plans to replace the bucket.
- **Secrets** are created empty, and their values never pass through Terraform. While one is empty, its provider
  receives 503. The output `secret_arns` has the names:
  ```console
  aws secretsmanager put-secret-value --secret-id <arn> --secret-string '{{"secrets":["whsec_..."]}}'
  ```
- **Concurrency** of all instances comes from one limit of the account and region. Each instance checks only its own
  reservations against `functions_account_concurrency`.
- **Destroying** an instance removes everything, the archived payloads included.

"""

DELIVERY = """\
# Webhook delivery

Takes tenants' events over an API and delivers each to every endpoint that the tenant registered for it: signed, retried
for days, in fair shares. This folder is a plain Terraform module, written by `make module` from {source}, version
{version}. It needs no Python and no CDKTF.

```hcl
module "delivery" {{
  source             = "./delivery"
  environment_suffix = "prod"
}}
```

Region, credentials and state are those of the calling root module. Every name ends in the suffix, so that several
instances live in one account and region, each beside an instance of the inbound module if you like.

- **Log role.** API Gateway writes logs with one role for each account and region, and writes none until it is
  set. The inbound module's `account/` sets it, or this one's where there is one. Call that from a root of its own and
  apply it first; leave it out where the role is set already. Do not give this module a `depends_on`: it defers
  data sources to apply time.
- **Tenants** are made over the API by operators, who have the policy of the output `operator_policy_json`; the pages
  `/docs` and `/redoc` below the output `endpoint_url` say how. No token and no secret passes through Terraform.
- **Concurrency** of all instances comes from one limit of the account and region. Each instance checks only its own
  reservations against `functions_account_concurrency`.
- **Destroying** an instance removes everything, waiting retries included.

"""

ACCOUNT = """\
# API Gateway's log role

The role with which API Gateway writes its logs. There is one for each account and region: call this module once for
each region that has an instance of the module above, unless the role is set already. IAM roles have one name in all
regions, so that each call needs a suffix of its own.

## Inputs

{inputs}"""
