"""What a security team owns: the policy, the exceptions, and the accepted plans. README.md says how to change each."""
