"""The command line: plan, run, submit, status, finalize, report, explore."""
