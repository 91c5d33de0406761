"""Run the audit step in its processing container."""

from steps.audit.audit import audit
from steps.audit.settings import AuditSettings
from steps.contract import processing_job

if __name__ == "__main__":
    with processing_job(AuditSettings) as job:
        audit(job.settings, job.input("survey"), job.input("answers"), job.output("audit"))
