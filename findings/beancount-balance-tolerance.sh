#!/bin/sh
# beancount 3.2.3: a `balance` assertion with six decimals lets the sixth be wrong by one.
#
# A transaction that is wrong by 0.000001 is refused: its tolerance is half of the last digit. That
# of `balance` is twice as much, a whole last digit, and a difference that large still passes. So
# an assertion written to the micro-dollar does not notice a micro-dollar, however many decimals
# the file has elsewhere; with `~ 0` behind the number it does.
#
# Installs beancount into a temporary folder. Exits 1 when this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check beancount==3.2.3
check="$folder/venv/bin/bean-check"
"$check" --version

book() { # the asserted balance
  cat <<END
2026-11-01 open Assets:Wallet USD
2026-11-01 open Equity:Card   USD
2026-11-02 * "bought"
  Assets:Wallet   1.000000 USD
  Equity:Card    -1.000000 USD
2026-11-03 balance Assets:Wallet  $1 USD
END
}
said() { # name, asserted balance
  code=0
  book "$2" >"$folder/$1.beancount"
  "$check" "$folder/$1.beancount" >"$folder/$1.txt" 2>&1 || code=$?
  echo "balance $2 USD where there is 1.000000: exit $code"
  head -1 "$folder/$1.txt" | sed "s#$folder/##"
}

said loose "1.000001"
loose=$code
said two "1.000002"
two=$code
said exact "1.000001 ~ 0"
exact=$code
book "1.000000" | sed 's/-1.000000/-1.000001/' >"$folder/transaction.beancount"
transaction=0
"$check" "$folder/transaction.beancount" >"$folder/transaction.txt" 2>&1 || transaction=$?
echo "a transaction that is wrong by 0.000001: exit $transaction"

[ "$loose" = 0 ] && [ "$two" = 1 ] && [ "$exact" = 1 ] && [ "$transaction" = 1 ] \
  || { echo "changed: it is another behaviour now"; exit 1; }
echo "as described"
