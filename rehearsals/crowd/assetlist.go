package main

import (
	"encoding/json"
	"strings"
)

// ownTracking is in the platform's own beacons: another server's, whose ad may be in the list, is not ours to
// load.
const ownTracking = "/v1/ads/t/"

// roundingS is room for durations that are no whole numbers in floating point.
const roundingS = 0.001

// beacon is what a player calls when atS seconds of the pod have been played.
type beacon struct {
	atS float64
	url string
}

type asset struct {
	URI        string  `json:"URI"`
	Duration   float64 `json:"DURATION"`
	Signalling struct {
		Payload []signalled `json:"payload"`
	} `json:"X-AD-CREATIVE-SIGNALING"`
}

type signalled struct {
	Start    float64 `json:"start"`
	Tracking []struct {
		Offset *float64 `json:"offset"`
		URLs   []string `json:"urls"`
	} `json:"tracking"`
}

// readAssetList reads an asset list as rehearsals/ads/asset-list.ts does: how many ads it has, and what is to be
// called; false for what is none, and for one that lasts longer than its break.
func readAssetList(text []byte, breakS float64) (int, []beacon, bool) {
	var list struct {
		Assets *[]asset `json:"ASSETS"`
	}
	if json.Unmarshal(text, &list) != nil || list.Assets == nil {
		return 0, nil, false
	}
	var beacons []beacon
	lastsS := 0.0
	for _, one := range *list.Assets {
		if one.URI == "" || one.Duration <= 0 {
			return 0, nil, false
		}
		for _, said := range one.Signalling.Payload {
			beacons = said.calls(beacons, lastsS+said.Start)
		}
		lastsS += one.Duration
	}
	return len(*list.Assets), beacons, lastsS <= breakS+roundingS
}

// calls appends what has an offset; the rest happens or does not: a skip, an error.
func (s *signalled) calls(beacons []beacon, fromS float64) []beacon {
	for _, tracking := range s.Tracking {
		if tracking.Offset == nil {
			continue
		}
		for _, url := range tracking.URLs {
			if strings.Contains(url, ownTracking) {
				beacons = append(beacons, beacon{fromS + *tracking.Offset, url})
			}
		}
	}
	return beacons
}
