# Sourced. AWS by curl with the instance's role; keys and tokens go by pipe, never by argument.
. /etc/millwright/timescale.env
METADATA=http://169.254.169.254/latest
CLUSTER=/var/lib/postgresql/17/main

metadata() {
  local token
  token=$(curl -sSf --retry 5 -X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 60' $METADATA/api/token)
  printf 'header = "x-aws-ec2-metadata-token: %s"\n' "$token" |
    curl -sSf --retry 5 --config - "$METADATA/meta-data/$1"
}

signed() { # SERVICE CURL-ARGUMENT…
  local role
  role=$(metadata iam/security-credentials/)
  metadata "iam/security-credentials/$role" |
    jq -r '"user = \"\(.AccessKeyId):\(.SecretAccessKey)\"", "header = \"x-amz-security-token: \(.Token)\""' |
    curl -sSf --retry 5 --max-time 30 --config - --aws-sigv4 "aws:amz:$REGION:$1" "${@:2}"
}

logins() {
  signed secretsmanager -H 'x-amz-target: secretsmanager.GetSecretValue' \
    -H 'content-type: application/x-amz-json-1.1' --data "{\"SecretId\":\"$LOGINS_SECRET\"}" \
    "https://secretsmanager.$REGION.amazonaws.com/" | jq -r .SecretString
}

as_postgres() { (cd / && runuser -u postgres -- "$@"); }
backrest() { as_postgres pgbackrest --stanza=main "$@"; }
is_replica() { [ -e $CLUSTER/standby.signal ]; }
