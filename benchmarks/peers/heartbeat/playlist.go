package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"
)

// PathwayConfig is one CDN: where viewers reach it and what signs its addresses.
type PathwayConfig struct {
	ID      string  `json:"id"`
	BaseURL string  `json:"base_url"`
	Weight  float64 `json:"weight"`
	Keys    KeySet  `json:"keys"`
}

// Rendition is one encoding of the channel.
type Rendition struct {
	ID        string  `json:"id"`
	Kind      string  `json:"kind"`
	Bandwidth int     `json:"bandwidth"`
	Codecs    string  `json:"codecs"`
	Width     int     `json:"width"`
	Height    int     `json:"height"`
	FrameRate float64 `json:"frame_rate"`
}

type pathway struct {
	PathwayConfig
	codec *Codec[PathClaims]
}

type address struct{ pathway, base string }

// Playlists writes the personal multivariant playlist: every address signed for its CDN.
type Playlists struct {
	pathways   []pathway
	video      []Rendition
	audio      []Rendition
	channel    string
	publicURL  string
	addressTTL int64
}

// NewPlaylists reads the pathways' keys.
func NewPlaylists(config Config) (*Playlists, error) {
	playlists := &Playlists{
		channel: config.Event.Channel, publicURL: config.PublicURL, addressTTL: config.AddressTTLS,
	}
	for _, one := range config.Pathways {
		codec, err := NewCodec[PathClaims](one.Keys, one.ID)
		if err != nil {
			return nil, err
		}
		playlists.pathways = append(playlists.pathways, pathway{one, codec})
	}
	for _, one := range config.Renditions {
		if one.Kind == "audio" {
			playlists.audio = append(playlists.audio, one)
		} else {
			playlists.video = append(playlists.video, one)
		}
	}
	return playlists, nil
}

// Write returns the playlist of a session.
func (p *Playlists) Write(session, token string, now time.Time) (string, error) {
	addresses, err := p.addresses(session, now)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	out.Grow(8 * 1024)
	out.WriteString("#EXTM3U\n#EXT-X-VERSION:12\n#EXT-X-INDEPENDENT-SEGMENTS\n")
	fmt.Fprintf(&out, "#EXT-X-DEFINE:NAME=\"tifo-ads\",VALUE=\"%s/v1/ads/%s\"\n", p.publicURL, token)
	fmt.Fprintf(&out, "#EXT-X-CONTENT-STEERING:SERVER-URI=\"%s/v1/steering/%s\",PATHWAY-ID=\"%s\"\n",
		p.publicURL, token, addresses[0].pathway)
	for _, one := range addresses {
		p.writeAudio(&out, one)
	}
	for _, one := range addresses {
		p.writeVariants(&out, one)
	}
	return out.String(), nil
}

func (p *Playlists) writeAudio(out *strings.Builder, to address) {
	for _, one := range p.audio {
		fmt.Fprintf(out, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio-%s\",NAME=\"Stadium\",LANGUAGE=\"en\","+
			"DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",STABLE-RENDITION-ID=\"%s\",URI=\"%s/%s/index.m3u8\"\n",
			to.pathway, one.ID, to.base, one.ID)
	}
}

func (p *Playlists) writeVariants(out *strings.Builder, to address) {
	sound, codecs := 0, ""
	for _, one := range p.audio {
		sound, codecs = max(sound, one.Bandwidth), codecs+","+one.Codecs
	}
	for _, one := range p.video {
		fmt.Fprintf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%d,RESOLUTION=%dx%d,FRAME-RATE=%.3f,CODECS=\"%s\","+
			"AUDIO=\"audio-%s\",PATHWAY-ID=\"%s\",STABLE-VARIANT-ID=\"%s\"\n%s/%s/index.m3u8\n",
			one.Bandwidth+sound, one.Width, one.Height, one.FrameRate, one.Codecs+codecs,
			to.pathway, to.pathway, one.ID, to.base, one.ID)
	}
}

func (p *Playlists) addresses(session string, now time.Time) ([]address, error) {
	folder := "/live/" + p.channel
	var addresses []address
	for _, one := range p.order(session) {
		token, err := one.codec.Sign(PathClaims{
			Validity: Validity{Aud: one.ID, Nbf: now.Unix(), Exp: now.Unix() + p.addressTTL},
			Iss:      "tifo", Sub: session, P: []string{folder + "/"},
		})
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, address{one.ID, one.BaseURL + "/t/" + token + folder})
	}
	return addresses, nil
}

// order is weighted rendezvous hashing: every pathway, best first, the same for a session each time.
func (p *Playlists) order(session string) []pathway {
	scores := make(map[string]float64, len(p.pathways))
	for _, one := range p.pathways {
		sum := sha256.Sum256([]byte(session + "|" + one.ID))
		fraction := (float64(binary.BigEndian.Uint64(sum[:8])) + 0.5) / (1 << 64)
		scores[one.ID] = one.Weight / -math.Log(fraction)
	}
	ranked := append([]pathway(nil), p.pathways...)
	sort.Slice(ranked, func(i, j int) bool { return scores[ranked[i].ID] > scores[ranked[j].ID] })
	return ranked
}
