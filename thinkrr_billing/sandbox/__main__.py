"""`python -m thinkrr_billing.sandbox`: what `make run` runs."""

from thinkrr_billing.sandbox.supervisor import main

if __name__ == "__main__":
    main()
