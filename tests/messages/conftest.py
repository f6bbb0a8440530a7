import pytest


@pytest.fixture
def ses(settings, sandbox, monkeypatch):
    """Amazon SES as the portal's mail service, with an empty mailbox."""
    sandbox.reset()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
    settings.EMAIL_BACKEND = "botaniqal.messages.ses.NamedRequests"
    client = settings.ANYMAIL["AMAZON_SES_CLIENT_PARAMS"]
    quick = {**client["config"], "connect_timeout": 0.5, "read_timeout": 0.5}
    settings.ANYMAIL = {"AMAZON_SES_CLIENT_PARAMS": {**client, "endpoint_url": sandbox.ses_url, "config": quick}}
    return sandbox
