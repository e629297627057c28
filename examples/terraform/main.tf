terraform {
  required_version = ">= 1.10"
}

provider "aws" {
  region = "us-east-1"
}

module "webhooks_test" {
  source = "../../.build/module/standard"

  environment_suffix  = "test"
  functions_log_level = "DEBUG"
}

module "webhooks_live" {
  source = "../../.build/module/standard"

  environment_suffix      = "live"
  functions_log_retention = 365
  storage_glacier_after   = 90
  tags                    = { CostCenter = "payments" }
}

output "endpoints" {
  description = "Where the providers send their webhooks to"
  value       = { test = module.webhooks_test.endpoint_url, live = module.webhooks_live.endpoint_url }
}

output "secrets_of_live" {
  description = "ARNs of the signing secrets, to be filled"
  value       = module.webhooks_live.secret_arns
}
