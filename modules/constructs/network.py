"""A VPC whose functions reach AWS and nothing else: private subnets and endpoints, no way to the internet."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Annotated

from modules.constructs.naming import Names
from modules.constructs.policy import Condition, Statement, policy_document, to_block
from modules.settings.checked import checked
from modules.settings.formats import ARN, REGION
from modules.settings.rules import check_network
from modules.settings.sections import NetworkSettings
from modules.synth.at_synth import change_at_synth
from modules.synth.cdk import (
    Construct,
    DefaultSecurityGroup,
    RouteTable,
    RouteTableAssociation,
    SecurityGroup,
    SecurityGroupEgress,
    Subnet,
    TerraformStack,
    Vpc,
    VpcEndpoint,
    VpcSecurityGroupIngressRule,
)

HTTPS = 443
# What the functions call, and what their traces go through. Logs are Lambda's own business and need no endpoint.
# https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
GATEWAY_SERVICES = ("s3", "dynamodb")
INTERFACE_SERVICES = ("sqs", "secretsmanager", "events", "xray")


@checked
class Network(Construct):
    """VPC, two private subnets, gateway and interface endpoints, and what passes through them.

    Parameters
    ----------
    settings : NetworkSettings
        Addresses and zones.
    names : Names
        Naming of the environment.
    region : str
        Region of the zones and endpoints.

    Attributes
    ----------
    subnet_ids, security_group_ids : Sequence[str]
        Where functions are placed: the private subnets, and the group that lets out only HTTPS to the endpoints.

    Raises
    ------
    SettingsError
        When addresses or zones are not allowed.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: NetworkSettings,
        names: Names,
        region: Annotated[str, REGION],
    ) -> None:
        super().__init__(scope, id_)
        check_network(settings)
        self._names = names
        self._region = region
        vpc = Vpc(
            self,
            "vpc",
            cidr_block=settings.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": names("vpc")},
        )
        self._vpc_id = vpc.id
        # Without any rule: what is placed nowhere else can talk to nothing.
        DefaultSecurityGroup(self, "default_group", vpc_id=self._vpc_id, tags={"Name": names("default")})
        table = RouteTable(self, "routes", vpc_id=self._vpc_id, tags={"Name": names("private")})
        self._table_id = table.id
        subnet_ids = [
            self._subnet(zone, str(block))
            for zone, block in zip(settings.zones, IPv4Network(settings.cidr).subnets(), strict=True)
        ]
        gateways = {service: self._gateway(service) for service in GATEWAY_SERVICES}
        endpoints_id = self._group("endpoints", "Interface endpoints: HTTPS in from the functions, nothing out")
        functions_id = self._group(
            "functions",
            "Functions: HTTPS out to the endpoints, nothing in",
            egress=[
                SecurityGroupEgress(
                    description="HTTPS to the interface endpoints, and to the gateway endpoints of S3 and DynamoDB",
                    protocol="tcp",
                    from_port=HTTPS,
                    to_port=HTTPS,
                    security_groups=[endpoints_id],
                    prefix_list_ids=[gateway.prefix_list_id for gateway in gateways.values()],
                )
            ],
        )
        VpcSecurityGroupIngressRule(
            self,
            "endpoints_from_functions",
            description="HTTPS from the functions",
            security_group_id=endpoints_id,
            referenced_security_group_id=functions_id,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
        )
        interfaces = {service: self._interface(service, subnet_ids, endpoints_id) for service in INTERFACE_SERVICES}
        self._policies = {}
        for service, endpoint in {**gateways, **interfaces}.items():
            self._policies[service] = policy_document(self, f"{service}_policy", [])
            endpoint.policy = self._policies[service].json
        self._permitted: list[tuple[str, Sequence[Statement]]] = []
        change_at_synth(TerraformStack.of(self), self._write_policies)
        self.subnet_ids, self.security_group_ids = subnet_ids, [functions_id]

    def permit(self, role_arn: Annotated[str, ARN], statements: Sequence[Statement]) -> None:
        """Let a role through the endpoints for exactly what its own policy allows.

        Parameters
        ----------
        statements : Sequence[Statement]
            Of its policy, as they are when the stack is synthesized.
        """
        if not any(role == role_arn and had is statements for role, had in self._permitted):
            self._permitted.append((role_arn, statements))

    def _write_policies(self, stack: TerraformStack) -> None:
        del stack
        for service, document in self._policies.items():
            document.put_statement(
                [
                    to_block(
                        Statement(
                            sid=f"{statement.sid}{index}",
                            actions=actions,
                            resources=statement.resources,
                            anyone=True,
                            conditions=[
                                Condition(test="ArnEquals", variable="aws:PrincipalArn", values=[role]),
                                *statement.conditions,
                            ],
                        )
                    )
                    for index, (role, allowed) in enumerate(self._permitted)
                    for statement in allowed
                    if (actions := [action for action in statement.actions if action.startswith(f"{service}:")])
                ]
            )

    def _subnet(self, zone: str, block: str) -> str:
        subnet = Subnet(
            self,
            f"subnet_{zone}",
            vpc_id=self._vpc_id,
            cidr_block=block,
            availability_zone=f"{self._region}{zone}",
            map_public_ip_on_launch=False,
            tags={"Name": self._names("private", qualifier=zone)},
        )
        subnet_id: str = subnet.id
        RouteTableAssociation(self, f"routes_{zone}", subnet_id=subnet_id, route_table_id=self._table_id)
        return subnet_id

    def _group(self, name: str, description: str, egress: Sequence[SecurityGroupEgress] | None = None) -> str:
        group = SecurityGroup(
            self,
            name,
            name=self._names(name),
            description=description,
            vpc_id=self._vpc_id,
            egress=egress,
            tags={"Name": self._names(name)},
        )
        group_id: str = group.id
        return group_id

    def _gateway(self, service: str) -> VpcEndpoint:
        return VpcEndpoint(
            self,
            service,
            vpc_id=self._vpc_id,
            service_name=f"com.amazonaws.{self._region}.{service}",
            vpc_endpoint_type="Gateway",
            route_table_ids=[self._table_id],
            tags={"Name": self._names("endpoint", qualifier=service)},
        )

    def _interface(self, service: str, subnet_ids: Sequence[str], group_id: str) -> VpcEndpoint:
        return VpcEndpoint(
            self,
            service,
            vpc_id=self._vpc_id,
            service_name=f"com.amazonaws.{self._region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=list(subnet_ids),
            security_group_ids=[group_id],
            tags={"Name": self._names("endpoint", qualifier=service)},
        )
