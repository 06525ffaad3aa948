package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"
)

const (
	tokenLengthMax = 2048
	clockSkew      = 5
)

var b64 = base64.RawURLEncoding

// KeySet holds HMAC secrets in hexadecimal by key id; Current signs and all of them verify.
type KeySet struct {
	Current string            `json:"current"`
	Secrets map[string]string `json:"secrets"`
}

// Validity is what every token says: for whom, from when and until when (epoch seconds).
type Validity struct {
	Aud string `json:"aud"`
	Nbf int64  `json:"nbf"`
	Exp int64  `json:"exp"`
}

func (v Validity) validity() Validity { return v }

type claims interface{ validity() Validity }

// key is one secret with hashes that are ready for use, so that the key schedule is made once.
type key struct{ hashes sync.Pool }

func newKey(secret []byte) *key {
	return &key{sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}}
}

func (k *key) sign(signed string) [sha256.Size]byte {
	var sum [sha256.Size]byte
	mac := k.hashes.Get().(hash.Hash)
	mac.Reset()
	mac.Write([]byte(signed))
	mac.Sum(sum[:0])
	k.hashes.Put(mac)
	return sum
}

// Codec signs and verifies compact JWS of one kind. The header is one constant text for each key id, so
// nothing is parsed before the signature holds and no algorithm is negotiated.
type Codec[C claims] struct {
	audience string
	head     string
	current  *key
	byHead   map[string]*key
}

// NewCodec reads a key set; it fails on a secret that is not hexadecimal.
func NewCodec[C claims](keys KeySet, audience string) (*Codec[C], error) {
	codec := &Codec[C]{audience: audience, byHead: map[string]*key{}}
	for kid, text := range keys.Secrets {
		secret, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", kid, err)
		}
		head := b64.EncodeToString([]byte(fmt.Sprintf(`{"alg":"HS256","kid":%q,"typ":"JWT"}`, kid)))
		codec.byHead[head] = newKey(secret)
		if kid == keys.Current {
			codec.head, codec.current = head, codec.byHead[head]
		}
	}
	return codec, nil
}

// Sign returns the compact form of the claims.
func (c *Codec[C]) Sign(content C) (string, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	signed := c.head + "." + b64.EncodeToString(raw)
	sum := c.current.sign(signed)
	return signed + "." + b64.EncodeToString(sum[:]), nil
}

// Verify returns the claims of a token that is ours and in force.
func (c *Codec[C]) Verify(token string, now time.Time) (C, error) {
	var content C
	body, err := c.signedBody(token)
	if err != nil {
		return content, err
	}
	raw, err := b64.DecodeString(body)
	if err != nil {
		return content, errors.New("malformed")
	}
	if err := json.Unmarshal(raw, &content); err != nil {
		return content, errors.New("claims")
	}
	return content, c.inForce(content.validity(), now.Unix())
}

func (c *Codec[C]) signedBody(token string) (string, error) {
	if token == "" || len(token) > tokenLengthMax {
		return "", errors.New("malformed")
	}
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return "", errors.New("malformed")
	}
	signed, signature := token[:dot], token[dot+1:]
	head, body, _ := strings.Cut(signed, ".")
	secret := c.byHead[head]
	if secret == nil {
		return "", errors.New("unknown-key")
	}
	given, err := b64.DecodeString(signature)
	if err != nil {
		return "", errors.New("malformed")
	}
	if sum := secret.sign(signed); !hmac.Equal(sum[:], given) {
		return "", errors.New("signature")
	}
	return body, nil
}

func (c *Codec[C]) inForce(validity Validity, now int64) error {
	switch {
	case validity.Aud != c.audience:
		return errors.New("audience")
	case now >= validity.Exp:
		return errors.New("expired")
	case now < validity.Nbf-clockSkew:
		return errors.New("not-yet-valid")
	}
	return nil
}

// AccessClaims say which account calls.
type AccessClaims struct {
	Validity
	Sub string `json:"sub"`
}

// PlaybackClaims carry what a heartbeat needs, so that it reads no store.
type PlaybackClaims struct {
	Validity
	Sid   string `json:"sid"`
	Acc   string `json:"acc"`
	Ev    string `json:"ev"`
	Dev   string `json:"dev"`
	Kind  string `json:"kind"`
	Since int64  `json:"since"`
	Until int64  `json:"until"`
	Limit int    `json:"limit"`
	ISP   string `json:"isp"`
}

// PathClaims open some paths of one CDN to one session.
type PathClaims struct {
	Validity
	Iss string   `json:"iss"`
	Sub string   `json:"sub"`
	P   []string `json:"p"`
}
