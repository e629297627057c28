"""Retries that are due later than a queue can delay a message: EventBridge Scheduler's one-time schedules."""

from modules.constructs.naming import Names
from modules.constructs.policy import Condition, Statement, policy_document
from modules.constructs.webhook_function import WebhookFunction
from modules.synth.cdk import Construct, DataAwsPartition, IamRole, IamRolePolicy, SchedulerScheduleGroup, SqsQueue

SCHEDULER = "scheduler.amazonaws.com"


class RetrySchedules(Construct):
    """A group for the schedules that functions make, and the role with which they send to one queue, and no more.

    Destroying the group deletes the schedules that are left in it.
    Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html

    Parameters
    ----------
    names : Names
        Naming of the stack.
    account_id, region : str
        Where the schedules are.
    queue : SqsQueue
        What they may send to.

    Attributes
    ----------
    group : SchedulerScheduleGroup
        The group.
    role : IamRole
        The role that Scheduler assumes.
    """

    def __init__(
        self, scope: Construct, id_: str, *, names: Names, account_id: str, region: str, queue: SqsQueue
    ) -> None:
        super().__init__(scope, id_)
        self.group = SchedulerScheduleGroup(self, "group", name=names("retries"))
        partition = DataAwsPartition(self, "partition").partition
        self._schedules = f"arn:{partition}:scheduler:{region}:{account_id}:schedule/{self.group.name}/*"
        trust = policy_document(
            self,
            "trust",
            [
                Statement(
                    sid="SchedulerSendsForThisAccount",
                    actions=["sts:AssumeRole"],
                    resources=[],
                    services=[SCHEDULER],
                    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
                    conditions=[Condition(test="StringEquals", variable="aws:SourceAccount", values=[account_id])],
                )
            ],
        )
        self.role = IamRole(self, "role", name=names("scheduler"), assume_role_policy=trust.json)
        permissions = policy_document(
            self,
            "permissions",
            [Statement(sid="SendToDeliveryQueue", actions=["sqs:SendMessage"], resources=[queue.arn])],
        )
        IamRolePolicy(self, "policy", name=names("scheduler"), role=self.role.name, policy=permissions.json)

    def grant_schedule(self, function: WebhookFunction) -> None:
        """Allow ``scheduler:CreateSchedule`` in the group, and ``iam:PassRole`` of the role to Scheduler alone."""
        function.allow("ScheduleRetries", ["scheduler:CreateSchedule"], [self._schedules])
        function.allow(
            "HandRoleToScheduler",
            ["iam:PassRole"],
            [self.role.arn],
            [Condition(test="StringEquals", variable="iam:PassedToService", values=[SCHEDULER])],
        )
