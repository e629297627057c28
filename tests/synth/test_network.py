"""The network: no way in, and no way out but to the AWS services that the functions call."""

import re
from ipaddress import ip_network

import pytest

from modules.settings.sections import NetworkSettings
from tests.synth.labels import FUNCTIONS
from tests.synth.template import texts

REGION = "us-east-1"
GATEWAYS = {"s3", "dynamodb"}
INTERFACES = {"sqs", "secretsmanager", "events", "xray"}
# What Lambda itself does for a function: writing its log, and managing its network interfaces.
DONE_BY_LAMBDA = {"logs", "ec2"}
HTTPS = {"from_port": 443, "to_port": 443}
FOLDERS = {name.replace("-dev", "-burst") for name in FUNCTIONS}


def endpoints(template):
    """Return service to endpoint."""
    return {
        endpoint["service_name"].removeprefix(f"com.amazonaws.{REGION}."): endpoint
        for endpoint in template.all("aws_vpc_endpoint")
    }


def group(template, name):
    return template.one("aws_security_group", f"webhook-{name}-burst")


# --- ways in and out ------------------------------------------------------------------------------------------------

# Types by which anything could come in or go out past the endpoints.
WAYS = re.compile(
    r"aws_(internet_gateway|egress_only_internet_gateway|nat_gateway|eip|vpn|customer_gateway|ec2_transit_gateway"
    r"|vpc_peering|route$|main_route|network_interface|instance|lb|alb|dx_)"
)


def test_there_is_no_way_to_the_internet(burst):
    assert {resource.type for resource in burst.resources() if WAYS.match(resource.type)} == set()


def test_the_routes_lead_to_the_gateway_endpoints_alone(burst):
    table = burst.one("aws_route_table")
    leading = {
        service
        for service, endpoint in endpoints(burst).items()
        if [burst.target(id_).address for id_ in endpoint.get("route_table_ids", [])] == [table.address]
    }

    assert table.get("route") is None
    assert table.get("propagating_vgws") is None
    assert leading == GATEWAYS


def test_every_subnet_is_private_and_has_those_routes(burst):
    subnets = burst.all("aws_subnet")
    table = burst.one("aws_route_table").address
    routed = {
        burst.target(association["subnet_id"]).address: burst.target(association["route_table_id"]).address
        for association in burst.all("aws_route_table_association")
    }

    assert {subnet.get("map_public_ip_on_launch") for subnet in subnets} == {False}
    assert {subnet.get("assign_ipv6_address_on_creation") for subnet in subnets} == {None}
    assert routed == {subnet.address: table for subnet in subnets}


SUBNETS = {
    # addresses           zones            subnets
    "10.0.0.0/23":     (("a", "b"), ("10.0.0.0/24", "10.0.1.0/24")),
    "172.16.0.0/16":   (("c", "f"), ("172.16.0.0/17", "172.16.128.0/17")),
    "192.168.7.32/27": (("b", "a"), ("192.168.7.32/28", "192.168.7.48/28")),
}  # fmt: skip


@pytest.mark.parametrize("cidr", SUBNETS)
@pytest.mark.parametrize("region", [REGION, "eu-central-1"])
def test_the_two_subnets_are_in_two_zones_and_share_the_addresses(synthesize, cidr, region):
    zones, blocks = SUBNETS[cidr]
    network = {"cidr": cidr, "zones": list(zones)}
    template = synthesize(values={"preset": "burst", "region": region, "network": network})

    made = {subnet["availability_zone"]: subnet["cidr_block"] for subnet in template.all("aws_subnet")}

    assert template.one("aws_vpc")["cidr_block"] == cidr
    assert made == {f"{region}{zone}": block for zone, block in zip(zones, blocks, strict=True)}
    one, other = (ip_network(block) for block in made.values())
    assert not one.overlaps(other)
    assert {e["service_name"].split(".")[2] for e in template.all("aws_vpc_endpoint")} == {region}


def test_everything_is_in_the_one_vpc(burst):
    vpc = burst.one("aws_vpc")
    assert vpc["cidr_block"] == NetworkSettings().cidr
    inside = {burst.meaning(resource["vpc_id"]) for resource in burst.resources() if resource.get("vpc_id")}

    assert inside == {f"{vpc.label}.id"}
    # The endpoints' private names resolve only so.
    assert (vpc["enable_dns_support"], vpc["enable_dns_hostnames"]) == (True, True)


# --- security groups ------------------------------------------------------------------------------------------------


def test_functions_get_out_by_https_to_the_endpoints_and_nothing_gets_in(burst):
    functions = group(burst, "functions")

    assert [{name: value for name, value in burst.meaning(rule).items() if value} for rule in functions["egress"]] == [
        {
            "description": "HTTPS to the interface endpoints, and to the gateway endpoints of S3 and DynamoDB",
            "protocol": "tcp",
            **HTTPS,
            "security_groups": [f"{group(burst, 'endpoints').label}.id"],
            "prefix_list_ids": [f"{endpoints(burst)[service].label}.prefix_list_id" for service in ("s3", "dynamodb")],
        }
    ]
    assert functions.get("ingress") is None


def test_endpoints_let_in_https_from_the_functions_and_nothing_out(burst):
    rule = burst.one("aws_vpc_security_group_ingress_rule")

    said = {
        name: value for name, value in burst.meaning(dict(rule.values)).items() if name not in ("tags", "description")
    }
    assert said == {
        "security_group_id": f"{group(burst, 'endpoints').label}.id",
        "referenced_security_group_id": f"{group(burst, 'functions').label}.id",
        "ip_protocol": "tcp",
        **HTTPS,
    }
    assert {name for name in ("ingress", "egress") if group(burst, "endpoints").get(name) is not None} == set()


def test_these_are_all_groups_and_rules_and_the_vpcs_own_group_has_none(burst):
    default = burst.one("aws_default_security_group")
    rules = {r.type for r in burst.resources() if re.match(r"aws_(vpc_)?security_group_.*rule|aws_network_acl", r.type)}

    assert set(burst.by_name("aws_security_group")) == {"webhook-functions-burst", "webhook-endpoints-burst"}
    assert set(default.values) == {"vpc_id", "tags"}
    assert rules == {"aws_vpc_security_group_ingress_rule"}


def test_no_rule_names_an_address(burst):
    # Groups and prefix lists only: no address of the internet, and none that somebody else may get.
    said = [
        text
        for resource in burst.resources()
        if "security_group" in resource.type
        for text in texts(dict(resource.values))
        if re.search(r"\d+\.\d+\.\d+\.\d+|::", text)
    ]

    assert said == []


# --- endpoints ------------------------------------------------------------------------------------------------------


def test_the_endpoints_are_these(burst):
    kinds = {service: endpoint["vpc_endpoint_type"] for service, endpoint in endpoints(burst).items()}

    assert kinds == {**dict.fromkeys(GATEWAYS, "Gateway"), **dict.fromkeys(INTERFACES, "Interface")}


@pytest.mark.parametrize("service", sorted(INTERFACES))
def test_an_interface_endpoint_is_in_both_zones_under_the_services_own_name(burst, service):
    endpoint = endpoints(burst)[service]

    assert endpoint["private_dns_enabled"] is True
    assert [burst.target(id_).address for id_ in endpoint["subnet_ids"]] == [s.address for s in burst.all("aws_subnet")]
    assert burst.meaning(endpoint["security_group_ids"]) == [f"{group(burst, 'endpoints').label}.id"]


def own_statements(template, function):
    """Return the statements of a function's policy."""
    return template.statements(template.one("aws_iam_role_policy", function)["policy"])


def test_every_service_that_a_function_may_call_has_an_endpoint(burst):
    # Without one, a call does not fail but waits until the function's time is over.
    called = {
        action.split(":")[0]
        for function in FOLDERS
        for statement in own_statements(burst, function)
        for action in statement["actions"]
    }

    assert called - DONE_BY_LAMBDA == GATEWAYS | INTERFACES


@pytest.mark.parametrize("service", sorted(GATEWAYS | INTERFACES))
def test_an_endpoint_lets_each_role_do_exactly_what_its_own_policy_allows(burst, service):
    role_allows = {
        (f"aws_iam_role[{function}].arn", action, resource, repr(statement.get("condition", [])))
        for function in FOLDERS
        for statement in own_statements(burst, function)
        for action in statement["actions"]
        for resource in statement["resources"]
        if action.startswith(f"{service}:") and statement["effect"] == "Allow"
    }

    endpoint_allows = set()
    for statement in burst.statements(endpoints(burst)[service]["policy"]):
        *conditions, condition = sorted(statement["condition"], key=lambda each: each["variable"] == "aws:PrincipalArn")
        (role,) = condition.pop("values")
        assert condition == {"test": "ArnEquals", "variable": "aws:PrincipalArn"}
        assert statement["effect"] == "Allow"
        endpoint_allows |= {
            (role, action, resource, repr(conditions))
            for action in statement["actions"]
            for resource in statement["resources"]
        }

    assert endpoint_allows == role_allows
    assert role_allows != set()


@pytest.mark.parametrize("service", sorted(GATEWAYS | INTERFACES))
def test_the_statements_of_an_endpoint_have_names_of_their_own(burst, service):
    # AWS refuses a policy that has a sid twice.
    sids = [statement["sid"] for statement in burst.statements(endpoints(burst)[service]["policy"])]

    assert sorted(sids) == sorted(set(sids))
    assert [sid for sid in sids if not re.fullmatch("[A-Za-z0-9]+", sid)] == []


# --- functions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_every_function_is_in_the_private_subnets(burst, name):
    placed = burst.one("aws_lambda_function", name)["vpc_config"]

    assert [burst.target(id_).address for id_ in placed["subnet_ids"]] == [s.address for s in burst.all("aws_subnet")]
    assert burst.meaning(placed["security_group_ids"]) == [f"{group(burst, 'functions').label}.id"]
    assert set(placed) == {"subnet_ids", "security_group_ids"}


@pytest.mark.parametrize("name", ["standard", "ordered"])
def test_without_the_setting_no_function_is_in_a_network(preset_of, name):
    functions = preset_of(name).all("aws_lambda_function")

    assert {function.get("vpc_config") for function in functions} == {None}


# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
INTERFACE_ACTIONS = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_lambda_may_manage_network_interfaces_and_the_functions_code_may_not(burst, name):
    of_ec2 = [s for s in own_statements(burst, name) if any(action.startswith("ec2:") for action in s["actions"])]

    account = "data.aws_caller_identity[account].account_id"
    assert of_ec2 == [
        {
            "sid": "ManageNetworkInterfacesWhichHaveNoArn",
            "effect": "Allow",
            "actions": INTERFACE_ACTIONS,
            "resources": ["*"],
        },
        {
            "sid": "KeepNetworkInterfacesFromCode",
            "effect": "Deny",
            "actions": INTERFACE_ACTIONS,
            "resources": ["*"],
            "condition": [
                {
                    "test": "ArnLike",
                    "variable": "lambda:SourceFunctionArn",
                    "values": [f"arn:*:lambda:*:{account}:function:{name}"],
                }
            ],
        },
    ]


def with_standards_names(statements):
    return [
        {name: re.sub("-burst", "-standard", str(value)) for name, value in statement.items()}
        for statement in statements
    ]


@pytest.mark.parametrize("name", sorted(FOLDERS - {"webhook-ingestion-burst"}))
def test_a_function_may_do_nothing_else_than_in_standard(burst, standard, name):
    # Ingestion reads the secrets of other providers there, and only an ingest queue can be redriven.
    own = [
        s
        for s in own_statements(burst, name)
        if not any(action.startswith("ec2:") for action in s["actions"])
        and s["sid"] not in {"RedriveInbox", "SendToInbox"}
    ]

    assert with_standards_names(own) == with_standards_names(
        own_statements(standard, name.replace("burst", "standard"))
    )
