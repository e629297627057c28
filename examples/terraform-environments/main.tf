terraform {
  required_version = ">= 1.10"
}

provider "aws" {
  region = "us-east-1"
}

locals {
  environments = {
    staging = { log_level = "DEBUG", log_retention = 7 }
    prod    = { log_level = "INFO", log_retention = 365 }
  }
}

module "webhooks" {
  source   = "../../.build/module/standard"
  for_each = local.environments

  environment_suffix      = each.key
  functions_log_level     = each.value.log_level
  functions_log_retention = each.value.log_retention
}

output "endpoints" {
  description = "Where the providers send their webhooks to, by environment"
  value       = { for name, environment in module.webhooks : name => environment.endpoint_url }
}
