"""``make audit``: what a Terraform plan would build, judged, and written on one page that a reviewer reads."""
