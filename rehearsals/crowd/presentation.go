package main

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"time"
)

var (
	firstPathway  = regexp.MustCompile(`PATHWAY-ID="([^"]+)"`)
	defaultPlace  = regexp.MustCompile(` defaultServiceLocation="([^"]+)"`)
	steeringPlace = regexp.MustCompile(`<ContentSteering[^>]*>([^<]+)<`)
	baseURL       = regexp.MustCompile(`<BaseURL serviceLocation="([^"]+)">([^<]+)<`)
	duration      = regexp.MustCompile(` duration="(\d+)"`)
	delay         = regexp.MustCompile(`suggestedPresentationDelay="PT(\d+)S"`)
	utcTiming     = regexp.MustCompile(`<UTCTiming[^>]*value="([^"]+)"`)
	picture       = regexp.MustCompile(`<Representation id="([^"]+)"[^>]* width=`)
)

// presentation is what a player has to know of its playlist or MPD, as in rehearsals/video/presentations.ts.
// Its texts are copies: a part of the answer would keep all of it in memory.
type presentation struct {
	steering string
	// pathways has first the one that it begins with.
	pathways []string
	// addresses has the least picture by its pathway; none where the player does not ask a CDN.
	addresses map[string]string
	numbers   numbers
}

func (p *presentation) has(pathway string) bool {
	for _, one := range p.pathways {
		if one == pathway {
			return true
		}
	}
	return false
}

// readPlaylist reads an HLS multivariant playlist (RFC 8216bis, section 4.4.6).
func readPlaylist(text []byte, sampled bool) (presentation, error) {
	first, steering := group(firstPathway, text), group(steeringURI, text)
	if first == "" || steering == "" {
		return presentation{}, errors.New("a playlist without content steering")
	}
	// In the order of the ladder, best first: the last of a pathway is the least.
	shown := presentation{steering: steering, pathways: []string{first}}
	shown.add(variants(text), sampled, plain)
	return shown, nil
}

// variants are the pathway and the address of each, as groups 1 and 2. Read by hand: an expression that looks
// through such lines costs as much as the rest of a request.
func variants(text []byte) (found [][][]byte) {
	var pathway []byte
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		if pathway != nil {
			found = append(found, [][]byte{nil, pathway, line})
			pathway = nil
		} else if bytes.HasPrefix(line, []byte("#EXT-X-STREAM-INF:")) {
			_, after, _ := bytes.Cut(line, []byte(`PATHWAY-ID="`))
			pathway, _, _ = bytes.Cut(after, []byte(`"`))
		}
	}
	return found
}

// readMPD reads a DASH MPD with one BaseURL for each pathway and numbered segments (ETSI TS 103 998).
func readMPD(text []byte, sampled bool) (presentation, error) {
	first, steering := group(defaultPlace, text), group(steeringPlace, text)
	if first == "" || steering == "" {
		return presentation{}, errors.New("an MPD without content steering")
	}
	shown := presentation{steering: html.UnescapeString(steering), pathways: []string{first}}
	shown.add(baseURL.FindAllSubmatch(text, -1), sampled, html.UnescapeString)
	if sampled {
		return shown, shown.numbers.read(text)
	}
	return shown, nil
}

func (p *presentation) add(found [][][]byte, sampled bool, read func(string) string) {
	if sampled {
		p.addresses = map[string]string{}
	}
	for _, one := range found {
		pathway := string(one[1])
		if !p.has(pathway) {
			p.pathways = append(p.pathways, pathway)
		}
		if sampled {
			p.addresses[pathway] = read(string(one[2]))
		}
	}
}

// plain is an address that stands there as it is.
func plain(address string) string { return address }

// segmentAt is the segment that a player at the suggested delay is at, by the clock that the MPD sets.
func (p *presentation) segmentAt(base string, now time.Time) string {
	at := now.Add(p.numbers.ahead - p.numbers.delay)
	return fmt.Sprintf("%s%s/%d.m4s", base, p.numbers.picture, at.Unix()/p.numbers.durationS)
}

// numbers is how an MPD's segments are numbered by time.
type numbers struct {
	durationS int64
	delay     time.Duration
	ahead     time.Duration
	picture   string
}

func (n *numbers) read(text []byte) error {
	clock, err := time.Parse(time.RFC3339Nano, group(utcTiming, text))
	if err != nil {
		return err
	}
	if n.durationS, err = strconv.ParseInt(group(duration, text), 10, 64); err != nil || n.durationS < 1 {
		return errors.New("an MPD whose segments have no duration")
	}
	delayS, _ := strconv.ParseFloat(group(delay, text), 64)
	n.delay, n.ahead = seconds(delayS), time.Until(clock)
	if pictures := picture.FindAllSubmatch(text, -1); len(pictures) > 0 {
		n.picture = string(pictures[len(pictures)-1][1])
	}
	return nil
}

// group is the first group of the first match, empty for none.
func group(of *regexp.Regexp, text []byte) string {
	if found := of.FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return ""
}
