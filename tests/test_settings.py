"""What the environment says."""

import pytest

from squall.core.diagnostics import Refused
from squall.settings import Settings, settings, state_folder


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    monkeypatch.delenv("SQUALL_STATE", raising=False)
    monkeypatch.delenv("SQUALL_JOURNAL", raising=False)
    monkeypatch.chdir(tmp_path)


def test_state_is_kept_where_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SQUALL_STATE", "elsewhere")
    assert state_folder() == tmp_path / "elsewhere"
    assert state_folder(str(tmp_path / "here")) == tmp_path / "here"


def test_state_is_kept_beside_the_nearest_project(monkeypatch, tmp_path):
    (tmp_path / "squall.yaml").write_text("")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert state_folder() == tmp_path / ".squall"
    (tmp_path / "a" / "squall.yaml").write_text("")
    assert state_folder() == tmp_path / "a" / ".squall"


def test_without_a_project_state_is_kept_here(tmp_path):
    assert state_folder() == tmp_path / ".squall"
    assert not (tmp_path / ".squall").exists()


@pytest.mark.parametrize("journal", ["auto", "normal", "full"])
def test_how_safe_the_journal_is(monkeypatch, journal):
    assert settings().journal == Settings().journal == "auto"
    monkeypatch.setenv("SQUALL_JOURNAL", journal)
    assert settings().journal == journal


def test_secrets_come_by_their_names_and_are_not_shown(monkeypatch, tmp_path):
    monkeypatch.setenv("SQUALL_SECRET_TOKEN", "hunter22")
    monkeypatch.setenv("SQUALL_SECRETS_DIR", "secrets")
    found = settings()
    assert found.secrets == {"TOKEN": "hunter22"}
    assert found.secrets_folder == tmp_path / "secrets"
    assert "hunter22" not in repr(found)
    monkeypatch.delenv("SQUALL_SECRETS_DIR")
    assert settings().secrets_folder is None


def test_programs_get_the_usual_variables_and_no_others(monkeypatch):
    monkeypatch.setenv("SQUALL_SECRET_TOKEN", "hunter22")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter22")
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("HOME", "/home/me")
    usual = settings().usual
    assert (usual["PATH"], usual["HOME"]) == ("/bin", "/home/me")
    assert "hunter22" not in usual.values()


def test_a_setting_that_means_nothing_is_refused(monkeypatch):
    monkeypatch.setenv("SQUALL_JOURNAL", "ful")
    with pytest.raises(Refused, match="none of auto, normal, full") as refused:
        settings()
    assert (refused.value.code, refused.value.hint) == ("SQ425", "did you mean 'full'?")
