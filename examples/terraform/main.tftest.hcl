# No run needs an account: what AWS would return is made up.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

run "each_instance_has_names_of_its_own" {
  command = plan

  assert {
    condition     = module.webhooks_test.table_name == "webhook-records-test"
    error_message = "The table of the instance test is called ${module.webhooks_test.table_name}."
  }

  assert {
    condition     = module.webhooks_live.table_name == "webhook-records-live"
    error_message = "The table of the instance live is called ${module.webhooks_live.table_name}."
  }
}

run "a_wrong_input_is_refused" {
  command = plan

  module {
    source = "../../.build/module/standard"
  }

  variables {
    environment_suffix = "Not A Suffix"
  }

  expect_failures = [var.environment_suffix]
}
