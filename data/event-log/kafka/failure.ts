/** What Node's TLS says of a certificate: `ERR_TLS_CERT_ALTNAME_INVALID`, and the names of X.509 verification. */
const CERTIFICATE = /^ERR_TLS_|CERT|SIGNATURE|ISSUER|CRL|CHAIN/;
/** kafkajs' names of errors that end a login. */
const LOGIN = new Set(["KafkaJSSASLAuthenticationError", "KafkaJSProtocolError"]);

/**
 * Why a broker has not answered, in words for people: what is wrong between the two of us, if that can be told. Nothing
 * of the error's own message, which others wrote and which may hold what a log must not.
 * @param broker - `host:port`
 */
export function failureText(broker: string, error: unknown): string {
  const { name = "", code = "" } = error as { readonly name?: string; readonly code?: string };
  if (LOGIN.has(name))
    return `The login at the Kafka broker ${broker} failed: check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and the password.`;
  if (CERTIFICATE.test(code))
    return `The certificate of the Kafka broker ${broker} is not trusted (${code}): check KAFKA_TLS_CA_FILE and the broker's name.`;
  if (name === "KafkaJSConnectionClosedError")
    return `The Kafka broker ${broker} hangs up: check whether it wants TLS (KAFKA_TLS) and a login (KAFKA_SASL_MECHANISM).`;
  return `The Kafka broker ${broker} does not answer${code === "" ? "" : ` (${code})`}.`;
}
