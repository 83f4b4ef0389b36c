#!/bin/sh
# Makes the certificates of the tests anew: one CA with three nodes, a stranger of another CA, and a forger whose CA bears
# the first one's name. Valid 2020 to 2090.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/config" <<END
[ca]
default_ca = test
[test]
database = $work/database
new_certs_dir = $work
rand_serial = yes
default_md = sha256
default_startdate = 20200101000000Z
default_enddate = 20900101000000Z
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[node]
basicConstraints = critical,CA:FALSE
END
: > "$work/database"

# request NAME SUBJECT: a key and a signing request
request() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key.pem" 2>/dev/null
  openssl req -new -config "$work/config" -key "$1.key.pem" -subj "/CN=$2" -out "$work/$1.csr"
}

sign() { openssl ca -batch -notext -config "$work/config" "$@" 2>/dev/null; }

# authority FILE NAME
authority() {
  request "$1" "$2"
  sign -selfsign -extensions authority -keyfile "$1.key.pem" -in "$work/$1.csr" -out "$1.pem"
}

# leaf NAME ID CA
leaf() {
  request "$1" "$2"
  sign -extensions node -cert "$3.pem" -keyfile "$3.key.pem" -in "$work/$1.csr" -out "$1.pem"
}

authority ca ca
authority other-ca other-ca
authority forged-ca ca
leaf alpha alpha00000000000000000000 ca
leaf bravo bravo00000000000000000000 ca
leaf charlie charlie000000000000000000 ca
leaf stranger stranger00000000000000000 other-ca
leaf forger alpha00000000000000000000 forged-ca
rm -f ./*ca.key.pem forged-ca.pem
