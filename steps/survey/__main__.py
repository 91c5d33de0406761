"""Run the survey step in its processing container."""

from steps.contract import processing_job
from steps.registry import latest_approved
from steps.survey.settings import SurveyArguments
from steps.survey.survey import survey

if __name__ == "__main__":
    with processing_job(SurveyArguments) as job:
        survey(job.settings, latest_approved(job.settings.group), job.output("survey"))
