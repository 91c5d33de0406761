"""The audit: a second pipeline that compares a folder of bin photos with what the records say."""
