#!/bin/sh
# libofx 0.10.9 (Debian 12; GnuCash and others read OFX with it): a date without a time is taken
# for 10:59 in UTC, so that east of UTC+13 the payment stands on the next day.
#
# The format allows dates alone (20260512). Seen: in Pacific/Kiritimati (UTC+14) a payment of
# 12 May is shown on 13 May, 00:59. With a time and [0:GMT] every zone is right. An exporter that
# knows the moment should always write it.
#
# Downloads libofx into a temporary folder (nothing is installed). Exits 1 when this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq ofx=1:0.10.9-1 libofx7=1:0.10.9-1 libosp5=1.5.2-13+b2 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done
LD_LIBRARY_PATH=$(dirname "$(find "$folder" -name 'libofx.so.7' | head -1)")
export LD_LIBRARY_PATH
usr/bin/ofxdump --version

cat >x.ofx <<'END'
OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX>
<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260513<LANGUAGE>ENG
</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>0<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>B<ACCTID>A<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260501<DTEND>20260531
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260512<TRNAMT>-1.00<FITID>1<NAME>A day</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260512093000.000[0:GMT]<TRNAMT>-1.00<FITID>2<NAME>A moment</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>1.00<DTASOF>20260531</LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
END

posted() { # zone
  TZ=$1 usr/bin/ofxdump x.ofx 2>/dev/null | sed -n "s/ *Date posted: //p"
}
echo "--- in UTC"; posted UTC
echo "--- in Pacific/Kiritimati"; posted Pacific/Kiritimati

[ "$(posted UTC | head -1)" = "Tue May 12 10:59:00 2026 UTC" ] \
  && [ "$(posted Pacific/Kiritimati | head -1)" = "Wed May 13 00:59:00 2026 +14" ] \
  && [ "$(posted UTC | tail -1)" = "Tue May 12 09:30:00 2026 UTC" ] \
  || { echo "changed: it is another behaviour now"; exit 1; }
echo "as described"
