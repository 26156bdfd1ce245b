#!/bin/sh
# hledger 1.25 (Debian 12): balance assertions that CSV rules make are not checked when the CSV is
# read, not even by `hledger check`.
#
# A rules file may assign `balance`: each row then asserts what its account holds. `hledger print`
# shows these assertions, and `hledger check` checks assertions by default. Seen: of a CSV whose
# second row is wrong by 0.000001 `hledger -f x.csv check` says nothing and exits 0. What `print`
# makes of the same CSV, read by the same program, is refused with "balance assertion".
#
# So whoever relies on the balance column of a bank's CSV has to go through print:
#   hledger -f x.csv print | hledger -f - check
#
# Downloads hledger into a temporary folder (nothing is installed). Exits 1 when this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq hledger=1.25-2+b5 >/dev/null
dpkg -x hledger_*.deb .
hledger="$folder/usr/bin/hledger"
"$hledger" --version

cat >x.csv <<'END'
day,what,amount,balance
2026-11-01,bought,1.000000,1.000000
2026-11-02,used,-0.250001,0.750000
END
cat >x.csv.rules <<'END'
skip 1
fields date, description, amount, balance
currency USD
account1 assets:wallet
END

echo "--- the CSV as it is read: check says"
code=0
"$hledger" -f x.csv check >read.txt 2>&1 || code=$?
cat read.txt
echo "exit $code"
echo "--- the same, printed and read again: check says"
"$hledger" -f x.csv print >printed.journal
again=0
"$hledger" -f printed.journal check >again.txt 2>&1 || again=$?
head -3 again.txt
echo "exit $again"

[ "$code" = 0 ] && [ ! -s read.txt ] && [ "$again" = 1 ] && grep -q "balance assertion" again.txt \
  && grep -q "= USD0.750000" printed.journal \
  || { echo "changed: it is another behaviour now"; exit 1; }
echo "as described"
