"""GitOps for chaos engineering: playbooks in git, real faults on real traffic, always undone."""

__version__ = "0.1.0"
