package generator

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// TLS is what a child needs of a tls.Config. It trusts the one certificate that the parent verified, so that it needs
// neither the pool of roots nor the system's.
type TLS struct {
	ServerName       string
	NextProtos       []string
	MinVersion       uint16
	MaxVersion       uint16
	CipherSuites     []uint16
	CurvePreferences []tls.CurveID
	Renegotiation    tls.RenegotiationSupport
	Own              []certificate // the client's
	Pin              []byte        // SHA-256 of the server's leaf; empty: any is taken, as the config says
	Refused          string        // why the parent's handshake came to nothing: then so does each of a child
	Distrusted       bool          // because of the certificate
}

type certificate struct {
	Chain [][]byte
	Key   []byte // PKCS #8
}

// Portable returns what of c can be given to a child, without a pin. What a child cannot be given is an error: callbacks
// and caches live in the process of the tests.
func Portable(c *tls.Config) (*TLS, error) {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"GetClientCertificate", c.GetClientCertificate != nil}, {"VerifyPeerCertificate", c.VerifyPeerCertificate != nil},
		{"VerifyConnection", c.VerifyConnection != nil}, {"ClientSessionCache", c.ClientSessionCache != nil},
		{"KeyLogWriter", c.KeyLogWriter != nil}, {"Rand", c.Rand != nil}, {"Time", c.Time != nil},
		{"EncryptedClientHelloConfigList", c.EncryptedClientHelloConfigList != nil},
	} {
		if field.set {
			return nil, fmt.Errorf("its %s cannot be given to another process", field.name)
		}
	}
	t := &TLS{
		ServerName: c.ServerName, NextProtos: c.NextProtos, MinVersion: c.MinVersion, MaxVersion: c.MaxVersion,
		CipherSuites: c.CipherSuites, CurvePreferences: c.CurvePreferences, Renegotiation: c.Renegotiation,
	}
	for i, own := range c.Certificates {
		key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("the private key of its Certificates[%d] cannot be given to another process: %w", i, err)
		}
		t.Own = append(t.Own, certificate{own.Certificate, key})
	}
	return t, nil
}

// PinTo has children trust the certificate of a handshake that the parent did.
func (t *TLS) PinTo(state tls.ConnectionState) {
	if len(state.PeerCertificates) > 0 {
		sum := sha256.Sum256(state.PeerCertificates[0].Raw)
		t.Pin = sum[:]
	}
}

// Refuse has children trust nobody, because the parent's handshake came to nothing.
func (t *TLS) Refuse(err error) {
	t.Refused, t.Distrusted = err.Error(), errors.As(err, new(*tls.CertificateVerificationError))
}

var errOtherCertificate = errors.New("the server's certificate is not the one that the test process verified before the run")

// config returns the child's side.
func (t *TLS) config() (*tls.Config, error) {
	c := &tls.Config{
		ServerName: t.ServerName, NextProtos: t.NextProtos, MinVersion: t.MinVersion, MaxVersion: t.MaxVersion,
		CipherSuites: t.CipherSuites, CurvePreferences: t.CurvePreferences, Renegotiation: t.Renegotiation,
		InsecureSkipVerify: true, // the pin is stricter
	}
	for _, own := range t.Own {
		key, err := x509.ParsePKCS8PrivateKey(own.Key)
		if err != nil {
			return nil, fmt.Errorf("reading the client's private key: %w", err)
		}
		c.Certificates = append(c.Certificates, tls.Certificate{Certificate: own.Chain, PrivateKey: key})
	}
	if len(t.Pin) > 0 || t.Refused != "" {
		c.VerifyConnection = t.verify
	}
	return c, nil
}

// verify holds the server's certificate against the parent's finding.
func (t *TLS) verify(state tls.ConnectionState) error {
	sum := sha256.Sum256(state.PeerCertificates[0].Raw)
	err := errOtherCertificate
	switch {
	case t.Refused != "":
		err = fmt.Errorf("the test process, before the run: %s", t.Refused)
		if !t.Distrusted { // it was refused, or timed out: of the certificate nothing is known
			return err
		}
	case bytes.Equal(sum[:], t.Pin):
		return nil
	}
	return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
}
