# The role with which API Gateway writes its logs: one for each account and region. A root of its own, applied once before
# the others; leave it out where the role is set already.

terraform {
  required_version = ">= 1.10"
}

provider "aws" {
  region = "us-east-1"
}

module "api_gateway_account" {
  source             = "../../../.build/module/standard/account"
  environment_suffix = "shared"
}
